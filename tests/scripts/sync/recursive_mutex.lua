local recursive_mutex = require 'recursive_mutex'

local function fails(f, ...)
  local ok, e = pcall(f, ...)
  assert(not ok)
  return (tostring(e):gsub('^.-(bad argument #%d+) to %S+', '%1'):gsub('(block):.*', '%1'))
end

local m = recursive_mutex.new()
print(getmetatable(m), fails(m.unlock, m), fails(function() return m.x end))
print(fails(m.lock, require('mutex').new()))
m:lock()
m:lock()
assert(m:try_lock() and m:try_lock_for(0) and m:try_lock_for(1))

-- another fiber neither gets it nor may unlock it
spawn(function()
  assert(not m:try_lock() and not m:try_lock_for(0) and not m:try_lock_for(0.002))
  print(fails(m.unlock, m))
end):join()

-- a coroutine belongs to its fiber
coroutine.wrap(function() m:lock() m:unlock() end)()

local order = {}
local function waiter(name)
  return spawn(function()
    m:lock()
    m:lock()
    order[#order + 1] = name
    this_fiber.yield()
    m:unlock()
    assert(not pcall(function() error('x') end))
    m:unlock()
  end)
end
local a, b = waiter('a'), waiter('b')
this_fiber.yield()
for level = 5, 1, -1 do
  assert(#order == 0)
  m:unlock()
end
print(fails(m.unlock, m))
order[#order + 1] = 'unlocked'
a:join()
b:join()
print(table.concat(order, ' '))

-- its fiber ended: nobody can unlock it
spawn(function() m:lock() end):join()
print(fails(m.unlock, m), m:try_lock(), m:try_lock_for(0.001))
