-- Two fibers hand a turn to each other over a mutex and a condition variable; a round trip is both hand-overs.
local mutex, condition_variable = require 'mutex', require 'condition_variable'
local count = tonumber(require('system').arguments[3])
local m, c, turn = mutex.new(), condition_variable.new(), 0
local function player(me)
  return function()
    m:lock()
    for _ = 1, count do
      while turn ~= me do c:wait(m) end
      turn = 1 - me
      c:notify_one()
    end
    m:unlock()
  end
end
local a, b = spawn(player(0)), spawn(player(1))
a:join()
b:join()
