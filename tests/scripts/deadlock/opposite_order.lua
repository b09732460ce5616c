-- Two fibers lock two mutexes in opposite order: both get an error that says so.
local mutex = require 'mutex'
local a, b = mutex.new(), mutex.new()

local function take(first, second)
  return spawn(function()
    first:lock()
    this_fiber.yield()
    local ok, e = pcall(second.lock, second)
    first:unlock()
    if not ok then error(e, 0) end
    second:unlock()
  end)
end

local one, two = take(a, b), take(b, a)
for _, fiber in ipairs { one, two } do
  local ok, e = pcall(fiber.join, fiber)
  print(ok, e.code, e.category, (tostring(e):gsub('0x%x+', '0x…')))
  print((e.graph:gsub('0x%x+', '0x…')))
end
print(a:try_lock(), b:try_lock())
