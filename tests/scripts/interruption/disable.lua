-- disable_interruption holds requests back, as often as it was called.
local sleep = require('time').sleep
local function run(disable, restore)
  local log = {}
  local f = spawn(function()
    this_fiber[disable]()
    this_fiber[disable]()
    sleep(0.002)
    log[#log + 1] = 'slept'
    this_fiber[restore]()
    log[#log + 1] = tostring(pcall(this_fiber.yield))
    this_fiber[restore]()
    log[#log + 1] = 'restored'
    sleep(1000)
    log[#log + 1] = 'not reached'
  end)
  this_fiber.yield()
  f:interrupt()
  f:join()
  print(table.concat(log, ', '), f.interruption_caught)
end
run('disable_interruption', 'restore_interruption')
run('disable_cancellation', 'restore_cancellation')

-- One restore too many.
local f = spawn(function()
  local ok, e = pcall(this_fiber.restore_interruption)
  this_fiber.disable_interruption()
  this_fiber.restore_interruption()
  return ok, tostring(e), e.code, (pcall(this_fiber.restore_cancellation))
end)
print(f:join())

-- The main fiber: permanently off, and both calls do nothing.
for _ = 1, 3 do this_fiber.restore_interruption() end
this_fiber.disable_interruption()
print(pcall(sleep, 0))

-- It belongs to the fiber, across coroutines; a new fiber starts without it.
local g = spawn(function()
  coroutine.wrap(function() this_fiber.disable_interruption() end)()
  spawn(function() this_fiber.yield() end):join()
  sleep(0.001)
  return 'done'
end)
this_fiber.yield()
g:interrupt()
print(g:join())
