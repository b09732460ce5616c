-- spawn posts: the caller runs on, fibers start in the order in which they were made.
local log = {}
local function note(text) log[#log + 1] = text end
local fibers = {}
for i = 1, 3 do
  fibers[i] = spawn(function()
    note('start ' .. i)
    this_fiber.yield()
    note('end ' .. i)
  end)
end
note('spawned')
this_fiber.yield()
note('main between')
for i = 1, 3 do fibers[i]:join() end
print(table.concat(log, ', '))

-- Arguments are passed on, holes and trailing nils too.
print(spawn(function(...) return select('#', ...), ... end, 1, nil, 'x', nil):join())
print(select('#', spawn(function() end):join()))

-- A fiber that is spawned by a fiber comes behind those that wait already.
local order = {}
local a = spawn(function()
  spawn(function() order[#order + 1] = 'inner' end):detach()
  order[#order + 1] = 'a'
end)
local b = spawn(function() order[#order + 1] = 'b' end)
a:join() b:join() this_fiber.yield()
print(table.concat(order, ' '))

-- What is no function is refused, and nothing is left behind.
for _, bad in ipairs { 1, 'f', {}, true, setmetatable({}, { __call = function() end }) } do
  print(pcall(spawn, bad))
end
print(pcall(spawn))

-- Very many arguments.
local t = {}
for i = 1, 7000 do t[i] = i end
print(spawn(function(...) return select('#', ...), (select(-1, ...)) end, unpack(t)):join())
