local condition_variable, mutex = require 'condition_variable', require 'mutex'
local recursive_mutex = require 'recursive_mutex'

local function fails(f, ...)
  local ok, e = pcall(f, ...)
  assert(not ok)
  return (tostring(e):gsub('^.-(bad argument #%d+) to %S+', '%1'):gsub('(block):.*', '%1'))
end

local c, m = condition_variable.new(), mutex.new()
print(getmetatable(c), fails(c.wait, c, m), fails(c.wait_for, c, m, 1))
print(fails(c.wait, c, {}))
print(fails(c.wait, c))
c:notify_one()
c:notify_all()

local out = {}
local function log(x) out[#out + 1] = tostring(x) end
local function show()
  print(table.concat(out, ' '))
  out = {}
end
local function waiter(name, ...)
  local seconds = ...
  return spawn(function()
    m:lock()
    local result = seconds and c:wait_for(m, seconds)
    if not seconds then c:wait(m) end
    log(name .. (seconds and '=' .. tostring(result) or ''))
    assert(not m:try_lock(), 'locked again')
    m:unlock()
  end)
end

-- notified in the order of waiting, behind those who are ready; the notifier runs on
local w = { waiter 'a', waiter 'b', waiter 'c' }
this_fiber.yield()
local ready = spawn(function() log 'ready' end)
c:notify_one()
log 'notified'
w[1]:join()
log 'one'
c:notify_all()
log 'notified'
w[2]:join()
w[3]:join()
ready:join()
show()

-- with the mutex locked, the notified queue for it behind who asked before
w = { waiter 'a', waiter 'b' }
this_fiber.yield()
m:lock()
local locker = spawn(function() m:lock() log 'asked first' m:unlock() end)
this_fiber.yield()
c:notify_all()
locker2 = spawn(function() m:lock() log 'asked last' m:unlock() end)
this_fiber.yield()
log 'unlock'
m:unlock()
for _, f in ipairs { w[1], w[2], locker, locker2 } do f:join() end
show()

-- a free mutex is the notified fiber's at once
w = { waiter 'a' }
this_fiber.yield()
c:notify_one()
log(m:try_lock())
w[1]:join()
show()

-- wait_for: notified, too late, 0
for _, t in ipairs { 0 / 0, 1 / 0, -1 } do
  m:lock()
  print(fails(c.wait_for, c, m, t), m:try_lock())
  m:unlock()
end
m:lock()
print(fails(c.wait_for, c, m), m:try_lock())
log(c:wait_for(m, 0.002))
log(m:try_lock())
local other = spawn(function() m:lock() log 'chance' m:unlock() end)
this_fiber.yield()
log(c:wait_for(m, 0))
m:unlock()
other:join()
w = { waiter('a', 60), waiter('b', 60) }
this_fiber.yield()
c:notify_all()
w[1]:join()
w[2]:join()
show()

-- the one whose time is over is not notified; its wait ends when it has the mutex
w = { waiter('late', 0.001), waiter('next', 60) }
this_fiber.yield()
m:lock()
require('time').sleep(0.01)
c:notify_one()
log 'unlock'
m:unlock()
w[1]:join()
w[2]:join()
show()

-- interruption: raised with the mutex locked again
local f = spawn(function()
  m:lock()
  local ok, e = pcall(c.wait, c, m)
  log(ok)
  log(e)
  assert(not m:try_lock())
  m:unlock()
end)
this_fiber.yield()
m:lock()
f:interrupt()
this_fiber.yield()
log 'still locked'
m:unlock()
f:join()
show()
-- … and it does not eat a notification
f = spawn(function() m:lock() c:wait(m) log 'never' end)
local g = waiter 'notified'
this_fiber.yield()
f:interrupt()
c:notify_one()
f:join()
log(f.interruption_caught)
m:unlock()  -- the interrupted fiber ended with it
g:join()
show()
-- notified first: the wait ends well, the interruption comes at the next point
f = spawn(function() m:lock() c:wait(m) log 'notified' m:unlock() this_fiber.yield() log 'never' end)
this_fiber.yield()
c:notify_one()
f:interrupt()
f:join()
log(f.interruption_caught)
show()
-- already interrupted: nothing happens to the mutex
f = spawn(function()
  m:lock()
  f:interrupt()
  c:wait(m)
end)
g = spawn(function() m:lock() log 'waits in vain' end)
f:join()
log(f.interruption_caught)
log(m:try_lock())
show()
m:unlock()
g:join()
m:unlock()

-- where suspending is forbidden the mutex stays locked
m:lock()
this_fiber.forbid_suspend()
print(fails(c.wait, c, m), m:try_lock())
this_fiber.allow_suspend()
m:unlock()

-- recursive mutexes: by their owner, locked once
local r = recursive_mutex.new()
print(fails(c.wait, c, r))
r:lock()
r:lock()
print(fails(c.wait, c, r))
r:unlock()
spawn(function() print(fails(c.wait, c, r)) end):join()
f = spawn(function() r:lock() r:unlock() c:notify_one() end)
c:wait(r)
r:lock()
r:unlock()
r:unlock()
print(pcall(r.unlock, r))

-- two mutexes with one condition variable
local m2 = mutex.new()
f = spawn(function() m:lock() c:wait(m) m:unlock() return 1 end)
g = spawn(function() m2:lock() c:wait(m2) m2:unlock() return 2 end)
this_fiber.yield()
c:notify_all()
print(f:join(), g:join())

-- inside of coroutines
f = spawn(function()
  return coroutine.wrap(function()
    m:lock()
    c:wait(m)
    coroutine.yield(c:wait_for(m, 0.001))
    m:unlock()
  end)()
end)
this_fiber.yield()
m:lock()
c:notify_one()
m:unlock()
print(f:join(), m:try_lock())
