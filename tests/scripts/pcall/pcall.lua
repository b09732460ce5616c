-- pcall and xpcall: results, errors, suspension, interruption.
local time = require 'time'
local function count(...) return select('#', ...), ... end

-- All results, nils too, with and without a suspension.
for _, wait in ipairs{function() end, function() this_fiber.yield() end, function() time.sleep(0.001) end} do
  local function f(...) wait() return ... end
  local n, ok, a, b = count(pcall(f, nil, 2, nil))
  assert(n == 4 and ok and a == nil and b == 2)
  assert(count(pcall(f)) == 1)
  n, ok, a, b = count(xpcall(f, print, nil, 2, nil))
  assert(n == 4 and ok and a == nil and b == 2)
  assert(count(xpcall(f, print)) == 1)
  -- Error objects come as they were raised.
  for _, object in ipairs{'text', 1, false, {}, print, coroutine.create(print)} do
    n, ok, a = count(pcall(function() wait() error(object, 0) end))
    assert(n == 2 and ok == false and rawequal(a, object))
    n, ok, a = count(xpcall(function() wait() error(object, 0) end, function(e) return e end))
    assert(n == 2 and ok == false and rawequal(a, object))
  end
  n, ok, a = count(pcall(function() wait() error() end))
  assert(n == 2 and ok == false and a == nil)
end
-- With a handler in use somewhere, the other path of the same functions.
scope(function()
  scope_cleanup_push(function() end)
  local n, ok, a, b = count(pcall(function(...) this_fiber.yield() return ... end, nil, 2, nil))
  assert(n == 4 and ok and a == nil and b == 2)
  n, ok, a, b = count(xpcall(function(...) this_fiber.yield() return ... end, print, nil, 2, nil))
  assert(n == 4 and ok and a == nil and b == 2)
  assert(not pcall(error) and not xpcall(error, type))
end)
-- Errors have their position and the handler their stack.
local ok, e = pcall(function() error 'positioned' end)
assert(e == 'pcall.lua:34: positioned', e)
local trace
xpcall(function() local function guilty() time.sleep(0.001) error 'x' end guilty() end, function() trace = debug.traceback() end)
assert(trace:find "in function 'guilty'", trace)
local n, ok, a, b = count(xpcall(error, function(e) return e, 2 end, 1))
assert(n == 2 and ok == false and a == '1')

-- Nested, through suspensions on each level.
local function nest(k)
  time.sleep(0)
  if k == 0 then error {depth = 0} end
  local ok, e = pcall(nest, k - 1)
  this_fiber.yield()
  e.depth = e.depth + 1
  error(e)
end
ok, e = pcall(nest, 50)
assert(not ok and e.depth == 50)

-- Bad input.
for _, bad in ipairs{1, 'x', {}} do
  ok, e = pcall(bad)
  assert(not ok and e:find 'attempt to call', e)
  ok, e = pcall(xpcall, print, bad)
  assert(not ok and e:find "bad argument #2 to 'xpcall' %(function expected, got ", e)
end
ok, e = pcall(pcall)
assert(not ok and e:find 'bad argument #1', e)
ok, e = pcall(xpcall)
assert(not ok and e:find "bad argument #2 to 'xpcall'", e)
ok, e = pcall(xpcall, print)
assert(not ok and e:find "bad argument #2 to 'xpcall'", e)
assert(pcall(setmetatable({}, {__call = function() time.sleep(0) end})))
-- A handler that fails itself.
ok, e = xpcall(error, function() error 'again' end)
assert(not ok)

-- Interruption: looked at before the function runs, not after.
local ran, said = false, nil
local f = spawn(function()
  pcall(time.sleep, 1000)                -- interrupted here, caught
  local ok, e = pcall(function()         -- and raised again: an interruption point each
    pcall(function() ran = true end)
  end)
  ran = true
end)
this_fiber.yield()
f:interrupt()
f:join()
assert(f.interruption_caught and not ran)
f = spawn(function()
  this_fiber.disable_interruption()
  said = {pcall(function() return 'ran' end)}
  this_fiber.restore_interruption()
  xpcall(function() ran = true end, print)
end)
f:interrupt()
f:join()
assert(f.interruption_caught and said[1] and said[2] == 'ran' and not ran)
-- scope is no interruption point.
f = spawn(function() ran = scope(function() return 'ran' end) end)
f:interrupt()
f:join()
assert(ran == 'ran' and f.interruption_caught == false)

-- A message handler cannot suspend: the error says why.
xpcall(error, function() ok, e = pcall(this_fiber.yield) end)
assert(not ok and e:find 'cannot suspend in a message handler of xpcall', e)
xpcall(error, function() ok, e = pcall(time.sleep, 1) end)
assert(not ok and e:find 'time.sleep', e)
xpcall(error, function() coroutine.wrap(function() ok, e = pcall(this_fiber.yield) end)() end)
assert(not ok and e:find 'message handler', e)
-- But what it calls that need not wait works, and the code after xpcall may suspend again.
xpcall(error, function() local m = require 'mutex'.new() ok, e = pcall(function() return m:try_lock() end) end)
assert(ok and e == true)
this_fiber.yield()
print 'ok'
