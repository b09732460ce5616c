-- scope_cleanup_pop: which handler, executed or not, and what it refuses.
local out = {}
local function say(text) return function() out[#out + 1] = text end end
local function told(expected) local text = table.concat(out, ' ') assert(text == expected, text) out = {} end
local function unmatched(...)
  local ok, e = pcall(...)
  assert(not ok and e.code == 14 and tostring(e):find 'scope_cleanup_pop', e)
end

unmatched(scope_cleanup_pop)
unmatched(scope_cleanup_pop, false)
scope(function()
  for _, execute in ipairs{'none', 'nil', true, false, 0, 'x'} do
    scope_cleanup_push(say(tostring(execute)))
    if execute == 'none' then scope_cleanup_pop() elseif execute == 'nil' then scope_cleanup_pop(nil) else scope_cleanup_pop(execute) end
  end
  told 'none nil true 0 x'
  unmatched(scope_cleanup_pop)
  assert(select('#', scope_cleanup_push(say 'y')) == 0)
  assert(select('#', scope_cleanup_pop()) == 0)
  told 'y'
end)
-- Only of the innermost scope.
scope(function()
  scope_cleanup_push(say 'outer')
  unmatched(scope, scope_cleanup_pop)
  unmatched(scope_cleanup_pop)          -- pcall is a scope
  coroutine.wrap(function() unmatched(scope_cleanup_pop) end)()
  spawn(function() unmatched(scope_cleanup_pop) end):join()
  scope(function() scope_cleanup_push(say 'inner') scope_cleanup_pop(false) end)
  assert(not pcall(scope, function() scope_cleanup_push(say 'failed') error 'x' end))
  scope_cleanup_pop()
  unmatched(scope_cleanup_pop)
end)
told 'failed outer'
-- Order: last first.
scope(function()
  for i = 1, 3 do scope_cleanup_push(say(i)) end
  scope_cleanup_pop() scope_cleanup_pop(false)
  told '3'
end)
told '1'
-- It may suspend, and cannot be interrupted there.
local f = spawn(function()
  scope_cleanup_push(function() require 'time'.sleep(0.002) out[#out + 1] = 'slept' end)
  scope_cleanup_pop()
  out[#out + 1] = 'not reached?'
  this_fiber.yield()
  out[#out + 1] = 'reached'
end)
this_fiber.yield()
f:interrupt()
f:join()
assert(f.interruption_caught)
told 'slept not reached?'
-- What push refuses: everything that is no function.
for _, bad in ipairs{1, 'x', true, {}, setmetatable({}, {__call = print}), coroutine.create(print)} do
  local ok, e = pcall(scope_cleanup_push, bad)
  assert(not ok and e == require 'generic_error'.EINVAL, e)
end
local ok, e = pcall(scope_cleanup_push)
assert(not ok and e == require 'generic_error'.EINVAL)
for _, bad in ipairs{1, 'x', {}} do
  local ok, e = pcall(scope, bad)
  assert(not ok and e:find "bad argument #1 to 'scope' %(function expected, got ", e)
end
print 'ok'
