-- Imports that lead back to themselves.
local function try(name)
  local ok, e = pcall(require, name)
  print(name, ok, ok or e.code, ok or e.module, ok or tostring(e))
end
try './cycle/a'
try './cycle/a'
try './cycle/self'
try './cycle/start'
try '/cycle'
local m = require './cycle/self_catches'
print(m.name, m.ok, m.e.code)

-- Two fibers import at once, crosswise: one of them finds out, and both modules get loaded.
local left = spawn(function() return require './cycle/left' end)
local right = spawn(function() return require './cycle/right' end)
local l, r = left:join(), right:join()
print(l.ok, l.ok and l.other == r or l.other.code, r.ok, r.ok and r.other == l or r.other.code)

-- A module whose side fiber needs it is no cycle.
local w = require './cycle/waits'
print(w.name, w.worker:join())
