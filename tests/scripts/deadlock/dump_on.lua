-- run once
-- For dump_on.sh: three fibers that wait, one that is busy when the second signal comes.
local mutex = require 'mutex'
local sleep_for = require 'sleep_for'
local m = mutex.new()
m:lock()
spawn(function() m:lock() end):detach()
spawn(function()
  coroutine.wrap(function() sleep_for(60000) end)()
end):detach()
print 'ready'
sleep_for(60000)
