-- The main fiber's uncaught error ends the program at once, whatever the others do.
local sleep = require('time').sleep
spawn(function() sleep(0.05) print('never printed') end)
spawn(function() while true do sleep(0.001) end end)
local worker = coroutine.wrap(function() error('inside a coroutine') end)
print('before')
worker()
