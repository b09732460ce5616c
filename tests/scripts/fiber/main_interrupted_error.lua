-- An `interrupted` that comes to the main fiber is its error like any other.
local f = spawn(function()
  local ok, e = pcall(require('time').sleep, 1000)
  return e
end)
this_fiber.yield()
f:interrupt()
error(f:join(), 0)
