-- A request is never undone: every interruption point raises again until the fiber ends.
local sleep, sleep_for = require('time').sleep, require 'sleep_for'
local log = {}
local f = spawn(function()
  local ok, e = pcall(sleep, 1000)
  log[1] = ('%s, %s %d, %s'):format(e, e.category, e.code, ok)
  log[2] = 'still running'
  sleep_for(0)
  log[3] = 'not reached'
end)
this_fiber.yield()
f:interrupt()
f:interrupt()
f:cancel()
print(select('#', f:join()), f.interruption_caught, table.concat(log, '; '))

-- A loop around pcall cannot survive: pcall itself is a point.
local rounds = 0
local g = spawn(function()
  while not pcall(sleep, 1000) do rounds = rounds + 1 end
end)
this_fiber.yield()
g:interrupt()
print(select('#', g:join()), g.interruption_caught, rounds)

-- Swallowed at the last point, the results count and nothing was caught.
local h = spawn(function()
  local ok, e = pcall(sleep, 1000)
  return ok, e.code, 'survived'
end)
this_fiber.yield()
h:interrupt()
print(h:join())
print(h.interruption_caught, h.cancellation_caught)

-- Another error on the way out is that error.
local k = spawn(function()
  local ok = pcall(sleep, 1000)
  error('on the way out', 0)
end)
this_fiber.yield()
k:interrupt()
print(pcall(k.join, k))
print(k.interruption_caught)
