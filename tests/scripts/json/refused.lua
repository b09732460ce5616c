-- Whatever is not JSON is refused, with the place, what was expected and what was found.
local json = require 'json'

local function refused(text)
  local ok, e = pcall(json.decode, text)
  assert(not ok, text)
  assert(e.category == json.lexer_ecat or e.category == json.dom_ecat, tostring(e))
  local _, lines = text:sub(1, e.offset):gsub('\n', '')
  assert(e.line == lines + 1 and e.column >= 1 and e.offset <= #text)
  print((text:gsub('0x', '0X'):gsub('[%c\128-\255]', function(c) return ('<%02x>'):format(c:byte()) end)), '=>',
    tostring(e.category), e.code, (tostring(e):gsub('0x', 'hex ')))
end

for _, text in ipairs{
  '', ' ', '\n\n', 'nul', 'nulL', 'True', 'truefalse', 'tru', 'nan', 'Infinity', "'a'", 'undefined',
  '[', '[1', '[1,', '[1,]', '[,1]', '[1 2]', '[1}', ']', '}', '[]]', '[1]x', '1 2', '{} {}',
  '{', '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', '{,}', '{"a" 1}', '{"a",1}', '{a:1}', '{1:1}',
  '{"a":1]', '{"a":1 "b":2}', '{"a":}', '{null:1}', '[1,\n2,\n  x]', '// x\n1', '[1] // x', '/**/1',
  '"', '"a', '"\\', '"\\"', '"\\x41"', '"\\u12"', '"\\u12G4"', '"\\u+123"', '"\\U0041"', '"a\nb"', '"\t"', '"\0"',
  '"\127"x', '"\\ud800"', '"\\udc00"', '"\\ud800\\u0041"', '"\\ud800x"', '"\\ud83d\\"',
  '"\128"', '"\192\128"', '"\193\191"', '"\224\159\191"', '"\237\160\128"', '"\240\143\191\191"',
  '"\244\144\128\128"', '"\245\128\128\128"', '"\255"', '"\195"', '"\226\130"', '"\240\159\152"', '"\195(\"',
  '\239\187\1911', '\0', '1\0', '[\1]', '\127',
  '-', '+1', '.5', '1.', '1.e1', '01', '-01', '00', '1e', '1e+', '1E-', '0x10', '1_000', '--1', '1a', '- 1',
  '1e309', '-1e309', '[1, 1e999]', ('9'):rep(400),
} do refused(text) end
refused('"' .. ('x'):rep(40) .. '\1"')
local _, e = pcall(json.decode, '1' .. ('0'):rep(1024))
print(e)
local _, e = pcall(json.decode, '0.' .. ('1'):rep(1023))
print(e)
assert(json.decode('0.' .. ('1'):rep(1022)) == 1 / 9)
