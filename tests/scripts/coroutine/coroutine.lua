-- coroutine.*: values, states, errors, and what a suspension inside of one changes.
local time = require 'time'
local function count(...) return select('#', ...), ... end

-- All values in all directions, with and without a suspension in between.
for _, wait in ipairs{function() end, this_fiber.yield, function() time.sleep(0.001) end} do
  local co = coroutine.create(function(...)
    wait()
    assert(select('#', ...) == 3 and select(2, ...) == 'b')
    local n, a, b = count(coroutine.yield(nil, 1, nil))
    wait()
    assert(n == 2 and a == nil and b == nil)
    assert(count(coroutine.yield()) == 0)
    return nil, nil
  end)
  assert(coroutine.status(co) == 'suspended')
  local n, ok, a, b = count(coroutine.resume(co, nil, 'b', nil))
  assert(n == 4 and ok and a == nil and b == 1)
  assert(count(coroutine.resume(co, nil, nil)) == 1)
  assert(coroutine.status(co) == 'suspended')
  n, ok, a = count(coroutine.resume(co))
  assert(n == 3 and ok and a == nil)
  assert(coroutine.status(co) == 'dead')
  n, ok, a = count(coroutine.resume(co))
  assert(n == 2 and ok == false and a == 'cannot resume dead coroutine')
  -- wrap
  local w = coroutine.wrap(function(...) wait() local n = count(coroutine.yield(...)) wait() return n, nil end)
  n, a, b = count(w(1, nil))
  assert(n == 2 and a == 1)
  n, a = count(w(nil, nil, nil))
  assert(n == 2 and a == 3)
  ok, a = pcall(w)
  assert(not ok and a == 'cannot resume dead coroutine', a)
  -- Errors are the object that was raised.
  for _, object in ipairs{'text', 7, {}} do
    local co = coroutine.create(function() wait() error(object, 0) end)
    n, ok, a = count(coroutine.resume(co))
    assert(n == 2 and ok == false and rawequal(a, object) and coroutine.status(co) == 'dead')
    ok, a = pcall(coroutine.wrap(function() wait() error(object, 0) end))
    assert(not ok and rawequal(a, object))
  end
end

-- Who runs, and may it yield.
assert(coroutine.running() == nil and coroutine.isyieldable() == false)
local co
co = coroutine.create(function()
  assert(coroutine.running() == co and coroutine.isyieldable() == true and coroutine.status(co) == 'running')
  coroutine.wrap(function()
    assert(coroutine.status(co) == 'normal')
    local ok, e = coroutine.resume(co)
    assert(ok == false and e == 'cannot resume non-suspended coroutine')
    time.sleep(0.001)
    assert(coroutine.status(co) == 'normal' and coroutine.running() ~= co)
  end)()
  local ok, e = coroutine.resume(coroutine.running())
  assert(ok == false and e == 'cannot resume non-suspended coroutine')
  time.sleep(0.001)
  assert(coroutine.running() == co and coroutine.isyieldable() == true)
  xpcall(error, function() assert(coroutine.isyieldable() == false) end)
end)
assert(coroutine.resume(co))
-- A fiber's own stack is the scheduler's.
local ok, e = pcall(coroutine.yield, 1)
assert(not ok and e.code == 9 and tostring(e) == 'The fiber coroutine is reserved to the scheduler', tostring(e))
spawn(function() local ok, e = pcall(coroutine.yield) assert(not ok and e.code == 9) end):join()

-- Busy: a fiber waits inside of it. Others see "normal" and get EPERM.
co = coroutine.create(function() time.sleep(0.005) coroutine.yield 'first' return 'second' end)
local got
local f = spawn(function() got = select(2, coroutine.resume(co)) end)
this_fiber.yield()
assert(coroutine.status(co) == 'normal')
ok, e = pcall(coroutine.resume, co)
assert(not ok and e == require 'generic_error'.EPERM, e)
local inner
local w = coroutine.wrap(function() inner = coroutine.running() time.sleep(0.005) coroutine.yield 'a' return 'b' end)
local g = spawn(function() assert(w() == 'a') end)
this_fiber.yield()
ok, e = pcall(w)
assert(not ok and e == require 'generic_error'.EPERM, e)
f:join() g:join()
assert(got == 'first' and coroutine.status(co) == 'suspended' and coroutine.status(inner) == 'suspended')
-- Afterwards anybody may.
assert(select(2, coroutine.resume(co)) == 'second' and w() == 'b')

-- One after the other, in many fibers.
local order = {}
co = coroutine.create(function() for i = 1, 6 do this_fiber.yield() order[#order + 1] = coroutine.yield(i) .. this_fiber.id end end)
for i = 1, 3 do spawn(function() coroutine.resume(co, 'x') coroutine.resume(co, 'y') end):join() end
assert(#order == 5, #order)

-- Interruption belongs to the fiber, not to the coroutine.
co = coroutine.create(function() while true do local ok, e = pcall(time.sleep, 0.003) coroutine.yield(ok, e) end end)
f = spawn(function() coroutine.resume(co) coroutine.resume(co) end)
this_fiber.yield()
f:interrupt()
f:join()
assert(f.interruption_caught)
local _, fine = coroutine.resume(co)
assert(fine == true)
-- resume is an interruption point before its function runs.
local ran
f = spawn(function() coroutine.resume(coroutine.create(function() ran = true end)) end)
f:interrupt()
f:join()
assert(f.interruption_caught and not ran)

-- Bad input.
for _, bad in ipairs{1, 'x', {}, true} do
  assert(not pcall(coroutine.create, bad) and not pcall(coroutine.wrap, bad))
  assert(not pcall(coroutine.resume, bad) and not pcall(coroutine.status, bad))
end
for _, name in ipairs{'create', 'wrap', 'resume', 'status'} do assert(not pcall(coroutine[name])) end

-- As deep as a hundred, with a suspension at the bottom; no deeper.
local function nest(n) if n == 0 then time.sleep(0.001) return 'deep' end return coroutine.wrap(nest)(n - 1) end
assert(nest(100) == 'deep')
ok, e = pcall(nest, 101)
assert(not ok and e:find 'too many nested coroutines', e)

-- Generators whose body waits, in a for loop; many at once.
local fibers = {}
for i = 1, 20 do
  fibers[i] = spawn(function()
    local sum = 0
    for v in coroutine.wrap(function() for j = 1, 10 do time.sleep(0) coroutine.yield(j) end end) do this_fiber.yield() sum = sum + v end
    return sum
  end)
end
for i = 1, 20 do assert(fibers[i]:join() == 55) end
-- Abandoned while a fiber's VM goes on: collected.
local weak = setmetatable({}, {__mode = 'k'})
for i = 1, 10 do local co = coroutine.create(function() time.sleep(0) coroutine.yield() end) coroutine.resume(co) weak[co] = true end
collectgarbage() collectgarbage()
assert(next(weak) == nil)
print 'ok'
