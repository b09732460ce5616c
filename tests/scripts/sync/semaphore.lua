local semaphore = require 'semaphore'

local function fails(f, ...)
  local ok, e = pcall(f, ...)
  assert(not ok)
  local text = tostring(e):gsub('^.-(bad argument #%d+) to %S+', '%1'):gsub('(block):.*', '%1')
  return text, type(e) == 'table' and e.arg or nil
end

for _, bad in ipairs { -1, 1.5, 0 / 0, 1 / 0, 2 ^ 53 + 2 } do print(fails(semaphore.new, bad)) end
print(fails(semaphore.new, 3, 2))
print(fails(semaphore.new, 0, 0))
print(fails(semaphore.new))
print(semaphore.new(2 ^ 53).value == 2 ^ 53, semaphore.new(2, 2).max)

local s = semaphore.new(2, 3)
print(getmetatable(s), s.value, s.max, fails(function() return s.x end))
print(fails(function() s.value = 1 end))
for _, bad in ipairs { 0, -1, 1.5, 4, 0 / 0 } do print(fails(s.acquire, s, bad)) end
print(fails(s.try_acquire, s, 4))
print(fails(s.try_acquire_for, s, 1, 4))
print(fails(s.try_acquire_for, s, -1))
print(fails(s.try_acquire_for, s, 0 / 0))
print(fails(s.release, s, 0))
s:acquire()
assert(s:try_acquire() and s.value == 0 and not s:try_acquire())
print(s:try_acquire_for(0), s:try_acquire_for(0.002))
s:release(3)
print(s.value, fails(s.release, s))
s:acquire(3)
print(s.value)
print(fails(s.release, s, 4))
print(s.value)

-- the big request is not starved, and what it leaves goes on
local out = {}
local function log(x) out[#out + 1] = tostring(x) end
local w = {}
for i, n in ipairs { 3, 1, 2 } do
  w[i] = spawn(function() s:acquire(n) log(n) end)
end
this_fiber.yield()
s:release()
log(s:try_acquire())
s:release()
log 'not yet'
s:release()
this_fiber.yield()
log(s.value)
s:release(3)
for _, f in ipairs(w) do f:join() end
print(table.concat(out, ' '), s.value)

-- when the first one gives up, those behind it are looked at again
out = {}
local big = spawn(function() log(s:try_acquire_for(0.002, 3)) end)
local small = spawn(function() s:acquire() log 'small' end)
this_fiber.yield()
s:release()
big:join()
small:join()
print(table.concat(out, ' '), s.value)
big = spawn(function() s:acquire(3) end)
small = spawn(function() s:acquire() return 'small' end)
this_fiber.yield()
s:release()
big:interrupt()
print(small:join(), s.value)
big:join()
print(big.interruption_caught)

-- granted, then interrupted: it has them
out = {}
local f = spawn(function() s:acquire(2) log 'has them' this_fiber.yield() end)
this_fiber.yield()
s:release(2)
f:interrupt()
f:join()
print(out[1], f.interruption_caught, s.value)

-- forbidden to suspend, even if there are some
s:release()
this_fiber.forbid_suspend()
print(fails(s.acquire, s))
print(s:try_acquire())
this_fiber.allow_suspend()

-- at most two at once
s = semaphore.new(2)
local running, most = 0, 0
local all = {}
for i = 1, 10 do
  all[i] = spawn(function()
    s:acquire()
    running = running + 1
    most = math.max(most, running)
    this_fiber.yield()
    running = running - 1
    s:release()
  end)
end
for _, fiber in ipairs(all) do fiber:join() end
print(most, s.value)
