-- Every function and property of byte_span, on good and bad input.
assert(require 'byte_span' == byte_span)
local function fails(f, ...)
  local ok, e = pcall(f, ...)
  assert(not ok, 'no error')
  if type(e) ~= 'table' then return 'type' end
  return tostring(e) .. ' arg=' .. tostring(e.arg) .. ' index=' .. tostring(e.index)
end

local s = byte_span.new(4, 8)
print(#s, s.capacity, getmetatable(s), #byte_span.with_zeros(2, 3), byte_span.new(0).capacity)
print(fails(byte_span.new, -1), fails(byte_span.new, 2 ^ 31), fails(byte_span.new, 2, 1), fails(byte_span.new, 0 / 0))
print(fails(byte_span.new), fails(byte_span.new, {}))

s[1], s[4] = 255, 7
print(s[1], s[2], s[4])
print(fails(function() return s[0] end), fails(function() return s[5] end))
print(fails(function() s[5] = 1 end), fails(function() s[1] = 256 end), fails(function() s[1] = -1 end))
print(fails(function() s.capacity = 9 end), fails(function() return s.size end), fails(function() s[1] = 'x' end))

local word = byte_span.append('hello ', nil, byte_span.append('world'))
print(tostring(word), tostring(word:slice()), tostring(word:slice(7)), tostring(word:sub(2, 4)), #word:slice(12))
print(tostring(word:first(5)), tostring(word:last(5)), #word:first(0), #word:last(0))
print(fails(word.slice, word, 0), fails(word.slice, word, 13), fails(word.slice, word, 3, 1), fails(word.sub, word, 1, 12))
print(fails(word.first, word, 12), fails(word.last, word, -1), fails(word.first, 'text', 1))
local window = s:slice(2, 8)
window[7] = 33
print(#window, window.capacity, s:slice(8, 8)[1])

local copy = byte_span.new(3)
print(copy:copy('abcdef'), tostring(copy), copy:copy('Z'), tostring(copy), copy:slice(2):copy(copy), tostring(copy))
print(tostring(copy:fill(46)), fails(copy.fill, copy, 256), fails(copy.fill, copy, 1.5), fails(copy.copy, copy, 5))

local grown = byte_span.new(0, 3)
local ab = grown:append('ab')
local abcd = ab:append('cd')
ab[1] = 65
print(tostring(ab), tostring(abcd), ab.capacity, abcd.capacity, tostring(grown:slice(1, 2)))
print(tostring(abcd:append()), tostring(abcd:append(nil, abcd)), #byte_span.append(nil), fails(abcd.append, abcd, 1))

local text = byte_span.append('a,b;a,b')
print(text:find(',b'), text:find(',b', 3), text:find('x'), text:find('', 8), text:find('', 9))
print(text:rfind(',b'), text:rfind(',b', 6), text:rfind('x'), text:rfind(''))
print(text:find_first_of(';,'), text:find_first_of(',', 3), text:find_last_of(';,'), text:find_last_of(',', 5))
print(text:find_first_not_of('a,'), text:find_last_not_of('b,'), text:find_first_not_of('ab,;'), text:find_last_of('xyz'))
print(text:starts_with('a,'), text:starts_with(text), text:starts_with('b'), text:ends_with('b'), text:ends_with('longer than this'))
print(fails(text.find, text, 'a', 0), fails(text.find, text, 1), fails(text.rfind, text, 'a', 0))
print('<' .. tostring(byte_span.append(' \t x y \r\n'):trimmed()) .. '>', #byte_span.append('  '):trimmed(), tostring(text:trimmed('ab')))
print(tostring(byte_span.append('MiXed é'):inplace_lower()), tostring(byte_span.append('MiXed'):inplace_upper()))
print(text == byte_span.append('a,b;a,b'), text == byte_span.append('a'), text == 'a,b;a,b', text ~= byte_span.new(0))

for _, kind in ipairs{'u16', 'u24', 'u32', 'u40', 'u48', 'i16', 'i24', 'i32', 'i40', 'i48', 'f32', 'f64'} do
  local bits = tonumber(kind:sub(2))
  local n = byte_span.new(bits / 8)
  local kept = {}
  local low, high = 0, 2 ^ bits - 1
  if kind:sub(1, 1) == 'i' then low, high = -2 ^ (bits - 1), 2 ^ (bits - 1) - 1 end
  if kind:sub(1, 1) == 'f' then low, high = -0.5, 1024.25 end
  for _, order in ipairs{'be', 'le'} do
    for _, value in ipairs{low, high, 1} do
      n['set_' .. kind .. order](n, value)
      assert(n['get_' .. kind .. order](n) == value, kind)
    end
    kept[order] = {string.byte(tostring(n), 1, -1)}
    if kind:sub(1, 1) ~= 'f' then
      fails(n['set_' .. kind .. order], n, high + 1)
      fails(n['set_' .. kind .. order], n, low - 1)
      fails(n['set_' .. kind .. order], n, 0.5)
    end
    fails(n['set_' .. kind .. order], byte_span.new(1), 1)
    fails(n['get_' .. kind .. order], byte_span.new(9))
  end
  print(kind, table.concat(kept.be, ' '), table.concat(kept.le, ' '))
end
local one = byte_span.new(1)
one:set_i8(-128)
print(one:get_i8(), one[1], fails(one.set_i8, one, 128), fails(one.set_i8, byte_span.new(2), 1), fails(function() return one.get_i8be end))
