-- engine only
-- The main fiber dies of it: exit status 1. A detached fiber is told, and the rest runs on.
local mutex = require 'mutex'
local sleep_for = require 'sleep_for'
spawn(function()
  local m = mutex.new()
  m:lock()
  m:lock()
end):detach()
sleep_for(100)
print 'the rest runs on'
local m = mutex.new()
m:lock()
m:lock()
