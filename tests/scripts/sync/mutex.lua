-- mutex: order, hand-over, states, timed locks, interruption.
local mutex = require 'mutex'

local function fails(f, ...)
  local ok, e = pcall(f, ...)
  assert(not ok)
  return (tostring(e):gsub('^.-(bad argument #%d+) to %S+', '%1'):gsub('(block):.*', '%1'))
end

-- bad states and arguments
local m = mutex.new()
print(getmetatable(m), fails(m.unlock, m))
print(fails(function() return m.nothing end), fails(function() m.x = 1 end))
print(fails(m.lock, {}))
print(fails(mutex.new().lock))
for _, t in ipairs { 0 / 0, 1 / 0, -1 / 0, -0.001 } do print(fails(m.try_lock_for, m, t)) end
print(fails(m.try_lock_for, m, 'x'))
print(fails(m.try_lock_for, m))
assert(m:try_lock() and not m:try_lock())
m:unlock()

-- free: no other fiber runs
local out = {}
local f = spawn(function() out[#out + 1] = 'other' end)
m:lock()
out[#out + 1] = 'locked'
m:unlock()
f:join()
print(table.concat(out, ' '))

-- first come, first served; unlock runs on; nobody takes it in between
m:lock()
out = {}
local fibers = {}
for i = 1, 3 do
  fibers[i] = spawn(function()
    m:lock()
    out[#out + 1] = i
    m:unlock()
  end)
end
this_fiber.yield()
m:unlock()
out[#out + 1] = 'unlocked'
assert(not m:try_lock(), 'handed over, not free')
for _, fiber in ipairs(fibers) do fiber:join() end
print(table.concat(out, ' '))
assert(m:try_lock())

-- another fiber may unlock
spawn(function() m:unlock() end):join()
assert(m:try_lock())

-- timed
assert(m:try_lock_for(0) == false)
assert(m:try_lock_for(0.005) == false)
assert(m:try_lock_for(0.005) == false, 'the queue is clean after a timeout')
f = spawn(function() return m:try_lock_for(60) end)
this_fiber.yield()
m:unlock()
assert(f:join() == true)
m:unlock()
assert(m:try_lock_for(60) == true, 'free: at once')
-- who gave up does not get it
local loser = spawn(function() return m:try_lock_for(0.001) end)
local winner = spawn(function() m:lock() return 'winner' end)
print(loser:join())
m:unlock()
print(winner:join())
m:unlock()

-- lock is no interruption point
m:lock()
f = spawn(function()
  m:lock()
  m:unlock()
  out[#out + 1] = 'had it'
  this_fiber.yield()
  out[#out + 1] = 'never'
end)
local g = spawn(function()
  local got = m:try_lock_for(60)
  if got then m:unlock() end
  out[#out + 1] = tostring(got)
end)
this_fiber.yield()
out = {}
f:interrupt()
g:interrupt()
m:unlock()
f:join()
g:join()
print(table.concat(out, ' '), f.interruption_caught)

-- not where suspending is forbidden, even if it is free; try_lock is
this_fiber.forbid_suspend()
print(fails(m.lock, m))
print(fails(m.try_lock_for, m, 0))
assert(m:try_lock())
m:unlock()
this_fiber.allow_suspend()

-- a fiber that ends with it keeps it locked
spawn(function() m:lock() end):join()
assert(not m:try_lock())
m:unlock()
assert(m:try_lock())
m:unlock()

-- a locked one is collected while its fiber goes on
f = spawn(function()
  mutex.new():lock()
  mutex.new():lock()
  m:lock()
  this_fiber.yield()
  collectgarbage()
  m:unlock()
  return 'fine'
end)
collectgarbage()
this_fiber.yield()
collectgarbage()
collectgarbage()
print(f:join())
