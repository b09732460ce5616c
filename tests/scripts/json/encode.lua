local json = require 'json'
local function text(v, options) print(json.encode(v, options)) end

text(json.null) text(true) text(false) text('') text('x') text({}) text(json.into_array())
text{1, 2, 3} text{{}, json.into_array{}, {1}} text{a = 1} text{json.null, false}

-- numbers: integers as integers, others short and exact, what has no JSON form is null
text{0, -0, 1, -1, 1e15, 2^53, -2^53, 2^53 + 2, 1e20, 123456789012345680000, 1e21, 1e300, 2^63, 2^64}
text{0.1, 0.5, -1.25, 1 / 3, 5e-324, 1.7976931348623157e308, 3.14159, 1e-7, 100.5}
text{0 / 0, 1 / 0, -1 / 0}
for _, n in ipairs{0.1, 1 / 3, math.pi, 2^53 - 1, 2^53, 2^70, 1e21, 1e22, 5e-324, 123456.789e3, -0.0} do
  local back = json.decode(json.encode(n))
  assert(back == n and 1 / back == 1 / n, n)
end

-- strings
text '"\\/\b\f\n\r\t\0\31\127'
text 'é€😀</script>\226\128\168'
for i = 0, 40 do
  local s = ('a'):rep(i) .. '"' .. ('é'):rep(i) .. '\\' .. ('b'):rep(i) .. '\1'
  assert(json.decode(json.encode(s)) == s)
end
for _, s in ipairs{'\128', 'abc\255', '\237\160\128', 'é\195'} do
  local ok, e = pcall(json.encode, s)
  print(ok, e, e == require 'generic_error'.EILSEQ)
end
print(pcall(json.encode, {['\255'] = 1}))

-- arrays and objects
text{[1] = 'a', [3] = 'c'} text{[2] = 'b'} text{[0] = 'z', 'a'} text{1, 2, x = 3} text{[1.5] = 1}
text{[true] = 1, a = 2}
text(json.into_array{1, nil, 3}) text(json.into_array{x = 1})
local backwards = {}
for i = 20, 1, -1 do backwards[i] = i end
text(backwards)
local t = {1, 2}
print(json.into_array(t) == t, json.into_array(t) == t, json.is_array(t), getmetatable(t))

-- what has no JSON form
local co = coroutine.create(function() end)
text{f = print, t = co, n = 1} text{f = print} text{m = newproxy and newproxy() or print, [print] = 1}
for _, v in ipairs{print, co, {print}, {{co}}, json.into_array{print}} do
  local ok, e = pcall(json.encode, v)
  print(ok, e, e == require 'generic_error'.EINVAL, e.arg)
end
print(select(2, pcall(json.encode)))
print(select(2, pcall(json.encode, nil)))

-- pretty
text({a = {1, {2}, {}}, [1] = nil}, {indent = 2})
text({1, {b = json.into_array()}}, {indent = '\t'})
text({1, {2}}, {indent = 0}) text({1, {2}}, {indent = ''})
text({b = 1, a = {d = 1, c = {}}, C = 'x', aa = print, [1] = 5}, {sort_keys = true})
text({b = 1, a = {d = 1, c = {2}}}, {sort_keys = true, indent = 1})
for _, options in ipairs{{indent = 17}, {indent = -1}, {indent = 'x'}, {indent = (' '):rep(17)}, {indent = {}},
    {max_depth = 0}, {max_depth = 1001}, {state = 1}, {state = {}}, {state = {writer = {}}},
    {state = {writer = json.writer.new(), visited = 1}}} do
  local ok, e = pcall(json.encode, 1, options)
  print(ok, e, e.arg)
end
text({1}, {indent = (' '):rep(16)})
print(select(2, pcall(json.encode, 1, 'x')).arg)

-- cycles and depth
local loop = {}
loop[1] = {loop}
local ok, e = pcall(json.encode, loop)
print(ok, e, e.category == json.dom_ecat, e.code)
local own = {}
own.own = own
print(pcall(json.encode, own))
local shared = {1}
text{shared, shared, {shared}}
local function nest(n)
  local v = {}
  for _ = 2, n do v = {v} end
  return v
end
assert(#json.encode(nest(128)) == 256)
local ok, e = pcall(json.encode, nest(129))
print(ok, e, e.category == json.dom_ecat, e.code, e.limit)
assert(#json.encode(nest(1000), {max_depth = 1000}) == 2000)
assert(not pcall(json.encode, nest(1001), {max_depth = 1000}))

-- round trips
local function same(a, b)
  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end
  if json.is_array(a) ~= json.is_array(b) then return false end
  for k, v in pairs(a) do if not same(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end
for _, source in ipairs{'[]', '{}', '[[],{}]', '{"a":[1,2.5,"x",null,true,{"b":[]}],"":""}', '"\\u0000"'} do
  local v = json.decode(source)
  assert(same(v, json.decode(json.encode(v))) and same(v, json.decode(json.encode(v, {indent = 3}))))
  assert(json.encode(json.decode(json.encode(v, {sort_keys = true})), {sort_keys = true})
    == json.encode(v, {sort_keys = true}))
end
