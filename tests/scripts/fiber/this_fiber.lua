-- this_fiber: identity, locals, and what is refused.
local function try(f, ...)
  local ok, e = pcall(f, ...)
  return ok and 'ok' or (type(e) == 'table' and tostring(e.category) .. ' ' .. e.code or e)
end
print(this_fiber.is_main, this_fiber.id:match('^0x%x+$') ~= nil, getmetatable(this_fiber))
local id
local f = spawn(function()
  id = this_fiber.id
  return this_fiber.is_main, this_fiber.id ~= nil, coroutine.wrap(function() return this_fiber.id == id end)()
end)
print(f:join())
print(tostring(f) == 'fiber ' .. id, id ~= this_fiber.id)
-- Locals: made on first access, the same table then, one per fiber, also inside coroutines.
this_fiber.local_.x = 1
print(this_fiber.local_ == this_fiber.local_, this_fiber.local_.x)
spawn(function()
  print(this_fiber.local_.x)
  this_fiber.local_.x = 2
  coroutine.wrap(function() print(this_fiber.local_.x) end)()
end):join()
print(this_fiber.local_.x)
-- A new fiber never finds the locals of one that ended.
for _ = 1, 100 do
  spawn(function() assert(next(this_fiber.local_) == nil) this_fiber.local_.used = true end):join()
end
-- Nor its environment.
if setfenv then
  spawn(function() setfenv(0, {}) end):join()
  spawn(function() assert(getfenv(0).print == print, 'another environment') end):join()
end
for _, key in ipairs { 'nothing', 'Yield', 1, true } do print(key, try(function() return this_fiber[key] end)) end
for _, key in ipairs { 'yield', 'local_', 'id', 'nothing' } do
  print(key, try(function() this_fiber[key] = 1 end))
end
print(try(this_fiber.restore_interruption), try(this_fiber.allow_suspend))
print(select('#', this_fiber.yield()))
-- yield goes to the end of the queue.
local log = {}
for i = 1, 2 do
  spawn(function() for _ = 1, 3 do log[#log + 1] = i this_fiber.yield() end end):detach()
end
for _ = 1, 4 do this_fiber.yield() end
print(table.concat(log))
