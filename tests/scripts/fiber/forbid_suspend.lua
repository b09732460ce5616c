-- forbid_suspend: every suspending call is refused before it did anything, and the error says where.
local mutex, sleep_for, time = require 'mutex', require 'sleep_for', require 'time'
local function report(e)
  print(e.category, e.code, e.operation, e.at, e.forbidden_at)
end
local free = mutex.new()
local f = spawn(function() return 'fine' end)
this_fiber.forbid_suspend()
for _, call in ipairs {
  function() this_fiber.yield() end,
  function() free:lock() end,
  function() sleep_for(1) end,
  function() time.sleep(0) end,
  function() return (f:join()) end,
} do
  local ok, e = pcall(call)
  assert(not ok)
  report(e)
end
-- Nothing happened: the mutex is free, the fiber joinable.
print(free:try_lock(), f.joinable)
-- What never suspends may be called.
spawn(function() end):detach()
f:interrupt()
-- It nests; the place is that of the outermost.
this_fiber.forbid_suspend()
this_fiber.allow_suspend()
local ok, e = pcall(this_fiber.yield)
print(tostring(e))
this_fiber.allow_suspend()
this_fiber.yield()
print(pcall(this_fiber.allow_suspend))

-- Another place, another line; other fibers are not concerned; a coroutine of the fiber is.
local function strict(call)
  this_fiber.forbid_suspend()
  local result = { pcall(call) }
  this_fiber.allow_suspend()
  return unpack(result)
end
spawn(function()
  local co = coroutine.wrap(function() return strict(function() sleep_for(1) end) end)
  local ok, e = co()
  report(e)
  print(strict(function() return coroutine.wrap(function() return pcall(this_fiber.yield) end)() end))
end):join()
-- The check comes before the interruption's.
local g = spawn(function()
  this_fiber.forbid_suspend()
  local ok, e = pcall(function() local good, why = pcall(sleep_for, 1) return why end)
  this_fiber.allow_suspend()
  return e
end)
print(g:join())
-- A fiber that ends under it takes it along.
spawn(function() this_fiber.forbid_suspend() end):join()
spawn(function() this_fiber.yield() print('allowed') end):join()
