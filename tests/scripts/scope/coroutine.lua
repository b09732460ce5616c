-- The root scope of a coroutine.
local time = require 'time'
local out = {}
local function say(text) return function() out[#out + 1] = text end end
local function told(expected) local text = table.concat(out, ' ') assert(text == expected, text) out = {} end
local function count(...) return select('#', ...), ... end

-- It ends normally: its handlers ran when resume returns; all results.
local co = coroutine.create(function(...)
  scope_cleanup_push(say 'first')
  coroutine.yield 'between'
  scope_cleanup_push(function() time.sleep(0.001) out[#out + 1] = 'second' end)
  return ..., nil, nil
end)
assert(select(2, coroutine.resume(co, 1)) == 'between')
told ''
local n, ok, one = count(coroutine.resume(co))
assert(n == 4 and ok and one == 1 and coroutine.status(co) == 'dead')
told 'second first'
-- It fails: the same, and the error unchanged; by wrap too.
local object = {}
co = coroutine.create(function() scope_cleanup_push(say 'x') error(object) end)
local ok, e = coroutine.resume(co)
assert(not ok and e == object)
told 'x'
ok, e = pcall(coroutine.wrap(function() scope_cleanup_push(say 'w') scope(function() scope_cleanup_push(say 'inner') error(object) end) end))
assert(not ok and e == object)
told 'inner w'
n, one = count(coroutine.wrap(function() scope_cleanup_push(say 'w') return nil, nil end)())
assert(n == 2)
told 'w'
-- The scopes of who resumes it are not its own.
scope(function()
  scope_cleanup_push(say 'outer')
  local w = coroutine.wrap(function() scope_cleanup_push(say 'mine') coroutine.yield() scope_cleanup_pop() assert(not pcall(scope_cleanup_pop)) end)
  w()
  scope(function() scope_cleanup_push(say 'between') end)
  w()
  told 'between mine'
  -- A handler that runs in the caller's stack cannot reach the caller's handlers.
  coroutine.wrap(function() scope_cleanup_push(function() local ok, e = pcall(scope_cleanup_pop) assert(not ok) out[1] = 'kept' end) end)()
  told 'kept'
end)
told 'outer'
-- A fiber interrupted inside of nested coroutines unwinds through all of them.
local f = spawn(function()
  scope_cleanup_push(say 'fiber')
  coroutine.wrap(function()
    scope_cleanup_push(say 'outer')
    coroutine.wrap(function()
      scope_cleanup_push(function() time.sleep(0.001) out[#out + 1] = 'inner' end)
      time.sleep(1000)
    end)()
  end)()
end)
this_fiber.yield()
f:interrupt()
f:join()
assert(f.interruption_caught)
told 'inner outer fiber'
-- Created in one fiber, finished in another: its handlers run there.
co = coroutine.create(function() scope_cleanup_push(function() out[1] = this_fiber.id end) coroutine.yield() end)
coroutine.resume(co)
local id
spawn(function() id = this_fiber.id coroutine.resume(co) end):join()
told(id)
-- Never finished: its handlers do not run, and it is collected with them, although they know it.
local weak = setmetatable({}, {__mode = 'k'})
do
  local co
  co = coroutine.create(function() scope_cleanup_push(function() out[1] = 'wrong ' .. tostring(co) end) coroutine.yield() end)
  coroutine.resume(co)
  weak[co] = true
  co = nil
end
collectgarbage() collectgarbage()
assert(next(weak) == nil)
told ''
-- But while it can be resumed, they stay.
co = coroutine.create(function() scope_cleanup_push(say 'stayed') coroutine.yield() end)
coroutine.resume(co)
for i = 1, 3 do collectgarbage() for j = 1, 100 do coroutine.wrap(print ~= nil and function() end)() end end
coroutine.resume(co)
told 'stayed'
-- A generator that leaves a pcall's scope open while it yields.
local w = coroutine.wrap(function() pcall(function() scope_cleanup_push(say 'late') coroutine.yield(1) end) coroutine.yield(2) end)
w()
scope(function() scope_cleanup_push(say 'other') end)
told 'other'
assert(w() == 2)
told 'late'
-- A handler that leaves by coroutine.yield: whoever resumed it can be interrupted again.
w = coroutine.wrap(function() scope(function() scope_cleanup_push(function() coroutine.yield 'in a handler' out[#out + 1] = 'went on' end) end) return 'end' end)
f = spawn(function() assert(w() == 'in a handler') time.sleep(1000) end)
this_fiber.yield()
f:interrupt()
f:join()
assert(f.interruption_caught)
assert(w() == 'end')
told 'went on'
-- Deep in its own calls the first handler finds its coroutine.
local function deep(k) if k > 0 then return (deep(k - 1)) end scope_cleanup_push(say 'deep') end
coroutine.wrap(function() deep(5000) end)()
told 'deep'
print 'ok'
