-- What happens to an operation that is under way.
local mutex, sleep = require 'mutex', require('time').sleep
-- A joiner that is interrupted leaves the fiber joinable.
local slow = spawn(function() sleep(0.01) return 'slow' end)
local joiner = spawn(function() return slow:join() end)
this_fiber.yield()
print(slow.joinable)
joiner:interrupt()
print(slow.joinable, select('#', joiner:join()), joiner.interruption_caught)
print(slow.joinable, slow:join())

-- The wait was over first: its result is kept, and the request comes at the next point.
local log = {}
local sleeper
local first = spawn(function() sleep(0.001) sleeper:interrupt() end)
sleeper = spawn(function()
  sleep(0.001)
  log[1] = 'slept'
  sleep(0)
  log[2] = 'not reached'
end)
this_fiber.yield()
local start = os.clock()
repeat until os.clock() - start > 0.02  -- both are due when the scheduler looks again
sleeper:join()
print(first:join(), log[1], log[2], sleeper.interruption_caught)

-- A request before the fiber ran: it runs up to its first point.
log = {}
local early = spawn(function() log[1] = 'ran' sleep(0) log[2] = 'not reached' end)
early:interrupt()
early:join()
print(log[1], log[2], early.interruption_caught)

-- Waiting for a mutex is no point; the request is delivered at the next one.
local m = mutex.new()
m:lock()
local holder = spawn(function() m:lock() log[3] = 'has the mutex' m:unlock() sleep(0) end)
this_fiber.yield()
holder:interrupt()
this_fiber.yield()
print(log[3])
m:unlock()
holder:join()
print(log[3], holder.interruption_caught)

-- The request belongs to the fiber, not to the coroutine that it runs.
local co = coroutine.create(function() sleep(1000) end)
local inside = spawn(function() return coroutine.resume(co) end)
this_fiber.yield()
inside:interrupt()
local ok, e = inside:join()
print(ok, e and tostring(e), inside.interruption_caught, coroutine.status(co))

-- After its end a request does nothing.
local over = spawn(function() return 'over' end)
this_fiber.yield()
over:interrupt()
print(over:join(), over.interruption_caught)
-- Nor does it hurt a fiber that reuses what the ended one left behind.
local gone = spawn(function() end)
gone:join()
local fresh = spawn(function() sleep(0) return 'untouched' end)
gone:interrupt()
print(fresh:join())
