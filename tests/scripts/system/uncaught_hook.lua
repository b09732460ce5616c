-- Errors that nobody hears of go to the hook, in both profiles.
local system = require 'system'
local seen = {}
system.set_uncaught_hook(function(e, traceback, id)
  seen[#seen + 1] = {e, type(traceback), type(id)}
end)
spawn(function() error('one', 0) end):detach()
spawn(function() error({two = 2}) end):detach()
for _ = 1, 3 do this_fiber.yield() end
print(#seen, seen[1][1], seen[1][2], seen[1][3], seen[2][1].two)
system.set_uncaught_hook(nil)
spawn(function() error('told again', 0) end):detach()
this_fiber.yield()
print(#seen)
print((pcall(system.set_uncaught_hook)), (pcall(system.set_uncaught_hook, 1)))
