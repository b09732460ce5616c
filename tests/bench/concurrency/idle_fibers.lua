-- So many fibers wait; says so, then waits to be looked at.
local condition_variable, mutex, sleep = require 'condition_variable', require 'mutex', require('time').sleep
local count = tonumber(require('system').arguments[3])
local m, c = mutex.new(), condition_variable.new()
local function wait()
  m:lock()
  c:wait(m)
end
for _ = 1, count do spawn(wait):detach() end
this_fiber.yield()
collectgarbage()
collectgarbage()
print 'READY'
sleep(30)
