-- Which functions look at a request, and when.
local mutex, sleep = require 'mutex', require('time').sleep
local function in_interrupted(f)
  local fiber
  fiber = spawn(function()
    fiber:interrupt()  -- oneself: only sets the flag
    return f()
  end)
  local results = { pcall(fiber.join, fiber) }
  return fiber.interruption_caught and 'interrupted' or tostring(results[2])
end
local function id(...) return ... end
local other = spawn(function() sleep(1000) end)
local m = mutex.new()
for _, case in ipairs {
  { 'yield', function() this_fiber.yield() end },
  { 'sleep', function() sleep(0) end },
  { 'join', function() other:join() end },
  { 'pcall', function() pcall(id) end },
  { 'xpcall', function() xpcall(id, id) end },
  { 'resume', function() coroutine.resume(coroutine.create(id)) end },
  { 'wrap', function() coroutine.wrap(id)() end },
  { 'nothing', function() return 'not a point' end },
  { 'spawn', function() spawn(id):detach() return 'not a point' end },
  { 'interrupt', function() spawn(id):interrupt() return 'not a point' end },
  { 'detach', function() spawn(id):detach() return 'not a point' end },
  { 'mutex', function() m:lock() m:unlock() return 'not a point' end },
  { 'try_lock', function() m:try_lock() m:unlock() return 'not a point' end },
  { 'create', function() coroutine.create(id) coroutine.wrap(id) return 'not a point' end },
  { 'locals', function() this_fiber.local_.x = this_fiber.id return 'not a point' end },
  { 'restore', function()
    this_fiber.disable_interruption()
    this_fiber.restore_interruption()
    return 'not a point'
  end },
} do
  print(case[1], in_interrupted(case[2]))
end
print(other.joinable)
other:interrupt()
other:join()
print(other.interruption_caught)
-- pcall looks only before it runs its argument.
local f
f = spawn(function()
  return pcall(function() f:interrupt() return 'ran on' end)
end)
print(f:join())
