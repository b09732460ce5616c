-- join gives all results: nils in the middle and at the end, none, and many.
local function count(...) return select('#', ...), ... end
print(count(spawn(function() return nil end):join()))
print(count(spawn(function() return nil, nil, nil end):join()))
print(count(spawn(function() return 1, nil, 3, nil end):join()))
print(count(spawn(function() end):join()))
local f = spawn(function() this_fiber.yield() return 'late', nil end)
print(count(f:join()))
local t = {}
for i = 1, 5000 do t[i] = i end
print((count(spawn(function() return unpack(t) end):join())))

-- Errors of every type pass unchanged.
local value = setmetatable({}, { __tostring = function() return 'mine' end })
for _, e in ipairs { 'text', 42, value, print, true } do
  local fiber = spawn(function() error(e, 0) end)
  local ok, caught = pcall(fiber.join, fiber)
  print(ok, caught == e, type(caught))
end
local ok, caught = pcall(function() spawn(function() error(nil) end):join() end)
print(ok, caught)

-- Through coroutines and pcalls.
print(coroutine.wrap(function()
  return pcall(function() return spawn(function() this_fiber.yield() return 1, nil end):join() end)
end)())
-- A chain: each joins the one before.
local last = spawn(function() return 0 end)
for _ = 1, 200 do
  local previous = last
  last = spawn(function() return previous:join() + 1 end)
end
print(last:join())
