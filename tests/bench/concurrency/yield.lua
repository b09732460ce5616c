-- Two fibers take turns; a switch is one yield.
local count = tonumber(require('system').arguments[3])
local function turns() for _ = 1, count / 2 do this_fiber.yield() end end
local a, b = spawn(turns), spawn(turns)
a:join()
b:join()
