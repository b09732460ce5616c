local queue = require 'queue'

local function fails(f, ...)
  local ok, e = pcall(f, ...)
  assert(not ok)
  local text = tostring(e):gsub('^.-(bad argument #%d+) to %S+', '%1'):gsub('(block):.*', '%1')
  return text, type(e) == 'table' and (e.arg or e.code) or nil
end

for _, bad in ipairs { 0, -1, 1.5, 0 / 0, 1e9 + 1 } do print(fails(queue.new, bad)) end
print(fails(queue.new))
local q = queue.new(2)
print(getmetatable(q), q.capacity, q.closed, #q, queue.new(1e9).capacity)
print(fails(function() return q.x end))
print(fails(function() q.capacity = 3 end))
print(fails(q.push, q))
print(fails(q.try_push, q))
print(fails(q.push_for, q, 1))
print(fails(q.push_for, q, -1, 1))
print(fails(q.pop_for, q, 0 / 0))
print(fails(q.items))

-- any value, also nil and false
q:push(nil)
q:push(false)
print(#q, q:try_push(1), q:push_for(0, 1), q:push_for(0.002, 1))
print(q:try_pop())
print(select('#', q:pop()), #q)
print(q:try_pop())
print(q:pop_for(0))
print(q:pop_for(0.002))
local t = setmetatable({}, { __mode = 'v' })
t[1] = {}
q:push(t[1])
collectgarbage()
collectgarbage()
print(q:pop() == t[1])
collectgarbage()
collectgarbage()
print(t[1])

-- a push that waits: its order, its value
local out = {}
local function log(x) out[#out + 1] = tostring(x) end
local function show()
  print(table.concat(out, ' '))
  out = {}
end
local w = {}
for i = 1, 5 do
  w[i] = spawn(function() q:push(i > 3 and nil or i) log('in' .. i) end)
end
this_fiber.yield()
log(#q)
for _ = 1, 5 do log(q:pop()) end
for _, f in ipairs(w) do f:join() end
show()

-- fibers that wait for a value: in their order; each is sure of one
for i = 1, 3 do
  w[i] = spawn(function() local v = q:pop() log(i .. '=' .. tostring(v)) end)
end
this_fiber.yield()
q:push 'a'
log(#q)
log(q:try_pop())
q:push 'b'
log(q:try_push 'c')
q:push 'c'
for i = 1, 3 do w[i]:join() end
show()

-- whoever comes between a wake-up and its fiber gets the older value, and the fiber the next one
q = queue.new(4)
local f = spawn(function() return q:pop() end)
this_fiber.yield()
q:push(1)
q:push(2)
log(#q)
log(q:pop())
log(f:join())
show()

-- timed
f = spawn(function() return q:pop_for(60) end)
this_fiber.yield()
q:push(nil)
print(f:join())
q = queue.new(1)
q:push(1)
f = spawn(function() return q:push_for(60, 2) end)
this_fiber.yield()
print(q:pop(), f:join(), q:pop())
q:push(1)
f = spawn(function() return q:push_for(0.001, 'late') end)
local g = spawn(function() q:push(2) end)
print(f:join(), q:pop(), q:pop(), #q)
g:join()

-- interruption: nothing was put in, nothing taken
q:push(1)
f = spawn(function() q:push 'interrupted' end)
g = spawn(function() q:push 'kept' end)
this_fiber.yield()
f:interrupt()
print(q:pop(), q:pop(), #q)
f:join()
g:join()
f = spawn(function() return q:pop() end)
g = spawn(function() return q:pop() end)
this_fiber.yield()
f:interrupt()
q:push 'for g'
print(f:join(), g:join())
-- woken, then interrupted: it gets the value
f = spawn(function() local v = q:pop() log(v) this_fiber.yield() log 'never' end)
this_fiber.yield()
q:push 'kept'
f:interrupt()
f:join()
log(f.interruption_caught)
show()

-- close
f = spawn(function() return fails(q.pop, q) end)
this_fiber.yield()
q:close()
q:close()
print(q.closed, f:join())
print(fails(q.pop, q))
print(fails(q.try_pop, q))
print(fails(q.pop_for, q, 1))
print(fails(q.push, q, 1))
print(fails(q.try_push, q, 1))
print(fails(q.push_for, q, 0, 1))
q = queue.new(2)
q:push(1)
q:push(2)
f = spawn(function() return fails(q.push, q, 3) end)
this_fiber.yield()
q:close()
print(#q, q:pop(), f:join())
print(q:pop())
print(fails(q.pop, q))

-- a value that a fiber was woken for is still its own after a close
q = queue.new(1)
f = spawn(function() return q:pop() end)
this_fiber.yield()
q:push 'mine'
q:close()
print(fails(q.pop, q))
print(f:join())

-- items: waits in the loop, ends at the close
q = queue.new(2)
f = spawn(function()
  local sum = 0
  for v in q:items() do
    sum = sum + v
    this_fiber.yield()
  end
  return sum
end)
for i = 1, 100 do q:push(i) end
q:close()
print(f:join())
for _ in q:items() do error 'closed' end

-- forbidden to suspend
q = queue.new(1)
this_fiber.forbid_suspend()
print(fails(q.push, q, 1))
print(fails(q.pop, q))
print(q:try_push(1), q:try_pop())
this_fiber.allow_suspend()

-- a small number of values walks through a large ring
q = queue.new(100000)
for i = 1, 250000 do
  q:push(i)
  if i > 10 then assert(q:pop() == i - 10) end
end
print(#q)
