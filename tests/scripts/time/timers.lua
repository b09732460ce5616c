-- steady_timer and system_timer.
local time = require 'time'
local asio_error = require 'asio_error'
local now = time.steady_clock.now

local function try(f, ...)
  local ok, e = pcall(f, ...)
  if type(e) == 'table' then print(ok, tostring(e.category), e, e.arg, e.index) else print(ok, e) end
end

-- a new timer has expired
local t = time.steady_timer.new()
print(getmetatable(t), t.expiry == time.steady_clock.epoch(), select('#', t:wait()))
local s = time.system_timer.new()
print(getmetatable(s), s.expiry == time.system_clock.epoch())
s:wait()

-- not before
local before = now()
print(t:expires_after(0.02), t.expiry > before)
t:wait()
print(now() - before >= 0.02, now() >= t.expiry)
t:wait() -- it stays expired
local at = now() + 0.02
print(t:expires_at(at), t.expiry == at)
t:wait()
print(now() >= at)
at = time.system_clock.now() + 0.02
print(s:expires_at(at), s.expiry == at)
s:wait()
print(time.system_clock.now() >= at)

-- the point was copied
at:add(3600)
print(s.expiry == at)
s:wait()

-- several waiters, cancelled
t:expires_after(3600)
local fibers = {}
for i = 1, 3 do
  fibers[i] = spawn(function()
    local ok, e = pcall(t.wait, t)
    return ok, e == asio_error.basic.operation_aborted, tostring(e)
  end)
end
this_fiber.yield()
print(t:cancel(), t:cancel())
for i = 1, 3 do print(fibers[i]:join()) end

-- set anew: the old waits end
for _, set in ipairs{function() return t:expires_after(0) end, function() return t:expires_at(now()) end} do
  t:expires_after(3600)
  local f = spawn(function() return pcall(t.wait, t) end)
  this_fiber.yield()
  print(set(), select('#', t:wait()), f:join())
end
s:expires_at(time.system_clock.now() + 3600)
local f = spawn(function() return pcall(s.wait, s) end)
this_fiber.yield()
print(s:cancel(), f:join())

-- cancel leaves the moment as it is
t:expires_after(0.01)
t:cancel()
before = now()
t:wait()
print(now() >= t.expiry)

-- an interruption ends one wait only
t:expires_after(0.03)
local a = spawn(function() t:wait() end)
local b = spawn(function() t:wait() return 'fired' end)
this_fiber.yield()
a:interrupt()
a:join()
print(a.interruption_caught, b:join())

-- uncollected while somebody waits, collected without a sound
do
  local g = spawn(function()
    local mine = time.steady_timer.new()
    mine:expires_after(0.02)
    mine:wait()
    return 'alive'
  end)
  this_fiber.yield()
  collectgarbage()
  print(g:join())
end
for _ = 1, 1000 do time.steady_timer.new():expires_after(100) end
collectgarbage()

-- bad input
for _, bad in ipairs{0 / 0, 1 / 0, -1 / 0, -1} do try(t.expires_after, t, bad) end
print(t:expires_after(1e300))
try(t.expires_after, t, 'soon')
try(t.expires_after, t)
try(t.expires_at, t, 1)
try(t.expires_at, t, time.system_clock.now())
try(s.expires_at, s, now())
try(t.expires_at, s, now())
try(t.wait)
try(t.wait, {})
try(t.wait, s)
try(t.cancel, 1)
try(function() return s.expires_after end)
try(function() return t.nothing end)
try(function() t.expiry = now() end)
this_fiber.forbid_suspend()
try(t.wait, t)
this_fiber.allow_suspend()

-- as the first releases had it: milliseconds
local old = require 'steady_timer'.new()
before = now()
print(getmetatable(old), old:expires_after(20), old:cancel())
old:wait()
print(now() - before >= 0.02)
try(old.expires_after, old, -1)
try(old.expires_after, t, 1)
try(function() return old.expiry end)
