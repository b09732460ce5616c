-- Handlers run last first, at every kind of end; results and arguments pass through.
local out = {}
local function say(text) return function() out[#out + 1] = text end end
local function told(expected)
  local text = table.concat(out, ' ')
  assert(text == expected, text .. ' instead of ' .. expected)
  out = {}
end

-- Arguments and results, nils among them.
local function count(...) return select('#', ...), ... end
local n, a, b, c, d = count(scope(function(...)
  scope_cleanup_push(say 'first')
  scope_cleanup_push(say 'second')
  return ...
end, nil, 2, nil, nil))
assert(n == 4 and a == nil and b == 2 and c == nil and d == nil)
told 'second first'
assert(select('#', scope(function() end)) == 0)

-- An error passes unchanged, whatever it is.
for _, object in ipairs{'text', 7, true, {}, print} do
  local ok, e = pcall(scope, function() scope_cleanup_push(say 'failed') error(object, 0) end)
  assert(not ok and rawequal(e, object))
  told 'failed'
end
local ok, e = pcall(scope, function() scope_cleanup_push(say 'nil') error(nil) end)
assert(not ok and e == nil)
told 'nil'

-- Nested scopes: inner handlers run at the inner end; an error takes both, inner first.
scope(function()
  scope_cleanup_push(say 'outer')
  scope(function() scope_cleanup_push(say 'inner') end)
  told 'inner'
end)
told 'outer'
assert(not pcall(scope, function()
  scope_cleanup_push(say 'outer')
  scope(function()
    scope_cleanup_push(say 'inner 1')
    scope(function() scope_cleanup_push(say 'inner 2') error 'x' end)
  end)
end))
told 'inner 2 inner 1 outer'

-- The scope is where the handler is pushed, not the function that pushes.
local function helper(text) scope_cleanup_push(say(text)) end
scope(function()
  helper 'a'
  assert(pcall(function() helper 'b' end))
  told 'b'
  helper 'c'
end)
told 'c a'

-- pcall and xpcall are scopes; their handlers ran before they return.
assert(pcall(scope_cleanup_push, say 'pcall'))
told 'pcall'
assert(xpcall(scope_cleanup_push, print, say 'xpcall'))
told 'xpcall'
assert(not xpcall(function() scope_cleanup_push(say 'cleanup') error 'x' end, say 'message handler'))
told 'message handler cleanup'

-- A handler may push one more: it runs next. It may use scopes of its own.
scope(function()
  scope_cleanup_push(say 'last')
  scope_cleanup_push(function()
    scope_cleanup_push(say 'pushed by a handler')
    scope(function() scope_cleanup_push(say 'scope in a handler') end)
    assert(not pcall(function() scope_cleanup_push(say 'pcall in a handler') error 'x' end))
  end)
end)
told 'scope in a handler pcall in a handler pushed by a handler last'

-- Many, and deep.
scope(function() for i = 1, 3 do for j = 1, 1000 do scope_cleanup_push(function() out[1] = (out[1] or 0) + 1 end) end end end)
told '3000'
local function deep(k) if k == 0 then error 'x' end scope(function() scope_cleanup_push(function() out[1] = (out[1] or 0) + 1 end) deep(k - 1) end) end
assert(not pcall(deep, 1000))
told '1000'
print 'ok'
