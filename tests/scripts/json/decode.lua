local json = require 'json'

local function show(v)
  if type(v) ~= 'table' then return type(v) == 'string' and ('%q'):format(v) or tostring(v) end
  local parts = {}
  if json.is_array(v) then
    for i = 1, #v do parts[i] = show(v[i]) end
    return '[' .. table.concat(parts, ' ') .. ']'
  end
  for k in pairs(v) do parts[#parts + 1] = k end
  table.sort(parts)
  for i, k in ipairs(parts) do parts[i] = k .. '=' .. show(v[k]) end
  return '{' .. table.concat(parts, ' ') .. '}'
end
local function value(text, options) print(text, show(json.decode(text, options))) end

value 'null' value 'true' value 'false' value ' 1 ' value '""' value '[]' value '{}'
value '[1,[2,[]],{"a":{}}]'
value '{"a":1,"b":[true,null],"a":2}'
value '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\ude00"'
value '"é€😀"'
value '[0,-0,12,-7,1.5,-2.25e2,1E+3,1e-3,0e5,123456789012345678]'
print(json.decode('-0') == 0, 1 / json.decode('-0'), json.decode('9007199254740993'))
print(json.decode('0.1') == 0.1, json.decode('1.7976931348623157e308') == 1.7976931348623157e308,
  json.decode('5e-324') == 5e-324, json.decode('1e-400'), json.decode('2.2250738585072011e-308') > 0)
print(#json.decode('"a\\u0000b"'), json.decode(byte_span.append('[', '"x"', ']'))[1])
print(json.decode('\t\n\r {"x" : [ 1 , 2 ] } \n').x[2])

-- null, tags
local t = json.decode '{"n":null,"a":[],"o":{}}'
print(t.n == json.null, tostring(json.null), type(json.null), getmetatable(json.null), not json.null)
print(json.is_array(t.a), json.is_array(t.o), json.is_array(t), json.is_array(1))
print(pcall(json.is_array))
print(pcall(function() return json.null.x end))
print(pcall(function() json.null.x = 1 end))

-- long containers: beyond what waits on the stack, and their sizes around it
for _, n in ipairs{1, 31, 32, 33, 63, 64, 65, 128, 1000, 70000} do
  local numbers, members = {}, {}
  for i = 1, n do numbers[i], members[i] = i, ('"k%d":%d'):format(i, i) end
  local a = json.decode('[' .. table.concat(numbers, ',') .. ']')
  local o = json.decode('{' .. table.concat(members, ',') .. '}')
  local ok, count = #a == n and json.is_array(a), 0
  for i = 1, n do ok = ok and a[i] == i and o['k' .. i] == i end
  for _ in pairs(o) do count = count + 1 end
  assert(ok and count == n, n)
end
-- of equal names the last one wins, also in long objects
local members = {}
for i = 1, 200 do members[i] = ('"k%d":%d'):format(i % 50, i) end
local o = json.decode('{' .. table.concat(members, ',') .. '}')
assert(o.k0 == 200 and o.k1 == 151 and o.k49 == 199)

-- depth
local function nested(n) return ('['):rep(n) .. (']'):rep(n) end
assert(json.decode(nested(128)))
local function failure(...)
  local ok, e = pcall(json.decode, ...)
  assert(not ok)
  return e
end
local e = failure(nested(129))
print(e, e.category == json.dom_ecat, e.code, e.limit, e.line, e.column, e.offset)
assert(json.decode(nested(1000), {max_depth = 1000}))
assert(failure(nested(1001), {max_depth = 1000}).limit == 1000)
assert(json.decode('1', {max_depth = 1}) == 1 and json.decode('[]', {max_depth = 1}))
print(failure('[{}]', {max_depth = 1}))
-- many open containers, each with values that wait
local wide = ('[1,2,3,4,5,6,7,8,{"a":1,"b":'):rep(500) .. '0' .. ('},9]'):rep(500)
local v, levels = json.decode(wide, {max_depth = 1000}), 0
while type(v) == 'table' do
  assert(v[1] == 1 and v[8] == 8 and v[10] == 9 and v[9].a == 1)
  v, levels = v[9].b, levels + 1
end
print(v, levels)

-- bad arguments
for _, options in ipairs{{max_depth = 0}, {max_depth = 1001}, {max_depth = 0 / 0}, {max_depth = 'x'}} do
  local e = failure('1', options)
  print(e, e.arg)
end
print(pcall(json.decode))
print(pcall(json.decode, 12))
print(pcall(json.decode, {}))
print(failure('1', 2).arg)
