-- The root scope of a fiber: normal end, error, interruption, join, detach.
local time = require 'time'
local out = {}
local function say(text) return function() out[#out + 1] = text end end
local function told(expected) local text = table.concat(out, ' ') assert(text == expected, text) out = {} end

-- join waits for the handlers, which may suspend, and gets all results.
local function count(...) return select('#', ...), ... end
local f = spawn(function()
  scope_cleanup_push(function() time.sleep(0.002) out[#out + 1] = 'slept' end)
  scope_cleanup_push(function() this_fiber.yield() out[#out + 1] = 'yielded' end)
  return 1, nil, nil
end)
local n, one = count(f:join())
assert(n == 3 and one == 1)
told 'yielded slept'

-- An error object comes through the handlers unchanged.
local object = {}
f = spawn(function() scope_cleanup_push(function() time.sleep(0.001) out[#out + 1] = 'x' end) error(object) end)
local ok, e = pcall(f.join, f)
assert(not ok and e == object)
told 'x'

-- Interrupted while it waits: handlers run with interruption disabled, and are told who they are.
local id
f = spawn(function()
  id = this_fiber.id
  this_fiber.local_.mine = true
  scope_cleanup_push(function()
    time.sleep(0.002)
    assert(this_fiber.id == id and this_fiber.local_.mine and not this_fiber.is_main)
    assert(pcall(time.sleep, 0.001))
    out[#out + 1] = 'cleaned'
  end)
  time.sleep(1000)
end)
this_fiber.yield()
f:interrupt()
this_fiber.yield()
f:interrupt()
f:join()
assert(f.interruption_caught)
told 'cleaned'

-- Unbalanced forbid_suspend ends with the fiber's function: its handlers may suspend.
spawn(function() scope_cleanup_push(function() this_fiber.yield() out[1] = 'free' end) this_fiber.forbid_suspend() end):join()
told 'free'

-- In a scope inside, forbid_suspend holds for handlers as for anything else.
f = spawn(function()
  scope(function()
    scope_cleanup_push(function() assert(not pcall(this_fiber.yield)) out[1] = 'forbidden' this_fiber.allow_suspend() end)
    this_fiber.forbid_suspend()
  end)
  this_fiber.yield()
end)
f:join()
told 'forbidden'

-- Detached: handlers run all the same; the panic is told with the line of the error.
spawn(function()
  scope_cleanup_push(function() time.sleep(0.001) out[1] = 'detached' end)
  error 'boom'
end):detach()
time.sleep(0.01)
told 'detached'
do local collected = spawn(function() scope_cleanup_push(say 'collected') this_fiber.yield() end) end
collectgarbage() collectgarbage()
time.sleep(0.002)
told 'collected'
-- Interrupted and detached: silent.
f = spawn(function() scope_cleanup_push(say 'interrupted') time.sleep(1000) end)
this_fiber.yield()
f:interrupt()
f:detach()
time.sleep(0.002)
told 'interrupted'

-- A handler may spawn, and wait for what it spawned.
spawn(function() scope_cleanup_push(function() out[1] = spawn(function() time.sleep(0.001) return 'spawned' end):join() end) end):join()
told 'spawned'

-- coroutine.yield in a handler of a fiber: as anywhere in a fiber's own stack.
spawn(function() scope_cleanup_push(function() local ok, e = pcall(coroutine.yield) assert(not ok and e.code == 9) out[1] = 'bad_coroutine' end) end):join()
told 'bad_coroutine'

-- A root handler may push another and open scopes.
spawn(function() scope_cleanup_push(function() scope_cleanup_push(say 'more') scope(function() scope_cleanup_push(say 'inner') end) end) end):join()
told 'inner more'

-- The main fiber has a root scope as well.
scope_cleanup_push(function() time.sleep(0.001) print 'main fiber' end)
print 'ok'
