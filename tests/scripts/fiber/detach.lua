-- engine only
-- Detached fibers run on; the errors of detached and collected ones are told on standard error.
local sleep = require('time').sleep
spawn(function() sleep(0.001) print('detached and finished') end):detach()
spawn(function() error('detached before') end):detach()
local late = spawn(function() error('detached after') end)
this_fiber.yield()
print('it has failed, and nobody was told')
late:detach()
do
  local collected = spawn(function() error({ code = 1 }) end)
  this_fiber.yield()
end
collectgarbage() collectgarbage()
-- Collected while it runs.
spawn(function() sleep(0.002) error('collected before') end)
collectgarbage() collectgarbage()
sleep(0.01)
-- Interruption is no error.
local f = spawn(function() sleep(1000) end)
this_fiber.yield()
f:interrupt()
f:detach()
sleep(0.001)
-- A fiber that has results drops them.
spawn(function() return 1, 2, 3 end):detach()
this_fiber.yield()
print('the VM goes on')
UNJOINED = spawn(function() error('never joined') end)
this_fiber.yield()
