-- engine only
-- Where code cannot suspend, the error names the reason, and nothing has happened.
local said
local function try(f, ...) local ok, e = pcall(f or this_fiber.yield, ...) assert(not ok) said = e end
local function told(...)
  for _, part in ipairs{...} do assert(tostring(said):find(part, 1, true), tostring(said)) end
  said = nil
end
-- A finaliser.
local function abandon(finaliser) getmetatable(newproxy(true)).__gc = finaliser end
abandon(function() try() end)
collectgarbage() collectgarbage()
told('cannot suspend in a finaliser (__gc): this_fiber.yield would have to wait')
-- One that the collector ran when memory was allocated, and in a coroutine in it.
local time = require 'time'
abandon(function() coroutine.wrap(function() try(time.sleep, 1) end)() end)
-- (In a function: a trace of LuaJIT does not see a finaliser change a local of its own frame.)
;(function() local keep = {} for i = 1, 1e5 do keep[i % 100] = {} end end)()
told('finaliser (__gc): time.sleep')
-- Collected by LuaJIT's FFI.
local has, ffi = pcall(require, 'ffi')
if has then
  (function() ffi.gc(ffi.new 'int[1]', function() try() end) end)()
  collectgarbage() collectgarbage()
  told 'finaliser (__gc)'
end
-- A message handler.
xpcall(error, function() try() end)
told 'in a message handler of xpcall'
-- A library function in C that calls back.
local buffer = require 'string.buffer'
local ok = pcall(function() buffer.new():putf('%s', setmetatable({}, {__tostring = function() try() return 'x' end})) end)
if said then told("the library function 'putf'") end
-- forbid_suspend, and no fiber's stack.
this_fiber.forbid_suspend()
try()
this_fiber.allow_suspend()
assert(said.code == 12)
-- A finaliser's error does not end anything.
abandon(this_fiber.yield)
print(pcall(collectgarbage))
this_fiber.yield()
print 'ok'
