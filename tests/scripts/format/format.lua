-- format(fmt, ...): libfmt's syntax.
print(format('{0}, {1}, {2}', 'a', 'b', 'c'))
print(format('{}, {}, {}', 'a', 'b', 'c'))
print(format('{2}, {1}, {0}', 'a', 'b', 'c'))
print(format('{0}{1}{0}', 'abra', 'cad'))
print(format('{:.{}f}', 3.14, 1))
print(format('Elapsed time: {s:.2f} seconds', {'s', 1.23}))
print(format('no fields'), format(''), format('{{}} {{{}}}', 1), format(12))
print(format('{} {}', 'more arguments', 'than', 'fields'))

-- alignment
print(format('[{:<6}] [{:>6}] [{:^6}] [{:6}] [{:6}] [{:6}]', 'ab', 'ab', 'ab', 'ab', 12, true))
print(format('[{:*<6}] [{:·>6}] [{:-^7}] [{:}>3}]', 'ab', 'ab', 'ab', 'ab'))
print(format('[{:{}}] [{:{}.{}}] [{:{w}}]', 'ab', 4, 'abcdef', 8, 3, 'z', {'w', 5}))
print(format('[{0:{1}}] [{2:{3}.{4}}]', 'ab', 4, 'abcdef', 8, 3))
print(format('[{:6}] [{:.2}] [{:6.1}]', 'é', 'ééé', '日本'))

-- integers; run.sh takes what begins with 0 and x for an address
local print = function(...)
  local line = {...}
  for i = 1, select('#', ...) do line[i] = tostring(line[i]):gsub('0x', '0_x') end
  print(unpack(line, 1, select('#', ...)))
end
print(format('{} {} {} {}', 0, -5, 2 ^ 31, -2 ^ 52))
print(format('{:d} {:x} {:X} {:o} {:b} {:B} {:c}', 42, 255, 255, 8, 5, 5, 65))
print(format('{:#x} {:#X} {:#o} {:#b} {:#B}', 255, 255, 8, 5, 5))
print(format('{:+} {:-} {: } {:+d}', 7, 7, 7, -7))
print(format('{:05} {:+06d} {:#010x} {:<05}|', 42, 42, 255, 42))
print(format('{:d} {:x}', 2 ^ 62, -2 ^ 63))

-- real numbers
print(format('{} {} {} {}', 0.1, -2.5, 1e100, 1 / 3))
print(format('{:f} {:.0f} {:.3f} {:e} {:E} {:g} {:G} {:a}', 1.5, 1.5, 2, 12345.678, 1, 1e-10, 1e-10, 1))
print(format('{:.3} {:8.2f}| {:<8.2f}| {:+.1f} {:08.3f} {:#.0f}', 3.14159, 3.14159, 3.14159, 3.14159, -3.14159, 3))
print(format('{} {} {} {:5} {:F}', 1 / 0, -1 / 0, -0.0, 1 / 0, 1 / 0), (format('{}', 0 / 0):gsub('-', '')))

-- booleans
print(format('{} {} {:s} {:d} {:x} {:#b} {:>6} {:^7}|', true, false, true, true, false, true, true, false))

-- strings
print(format('{:s} {}', 'x', 'a\0b') == 'x a\0b', #format('{:5}', 'a\0b'))
print(format('{}', ('x'):rep(3000)) == ('x'):rep(3000))

-- named
print(format('{a} {b} {a} {0}', {'a', 1}, {'b', 'two'}))
print(format('{a:>{w}}', {'a', 'x'}, {'w', 4}))
print(format('{} {a}', {'a', 1}), format('{a}', {'a', 1}, {'a', 2}))

-- mistakes: what, where, whose
local function try(...)
  local ok, e = pcall(format, ...)
  if type(e) ~= 'table' then return print(ok, e) end
  print(e.category, e.code, e, e.arg, e.position)
end
for _, bad in ipairs{'{', '}', 'a{0', '{0 }', '{-1}', '{:', '{:.}', '{:.', '{:{', '{:{}', '{:5.{}', '{!}', '{0.x}', '{a b}', '}{', '{:}}', '{:<>}'} do
  try(bad, 'x', 1)
end
try('{}{}', 1)
try('{1}', 1)
try('{} {0}', 1, 2)
try('{0} {}', 1, 2)
try('{0:{}}', 1, 2)
try('{nobody}', {'somebody', 1})
try('{:d}', 'text')
try('{:x}', 1.5)
try('{:d}', 0 / 0)
try('{:d}', 1e30)
try('{:c}', 256)
try('{:c}', -1)
try('{:c}', true)
try('{:s}', 1)
try('{:f}', 'x')
try('{:f}', true)
try('{:q}', 1)
try('{:+}', 'x')
try('{:05}', 'x')
try('{:#}', true)
try('{:.2d}', 5)
try('{:.2}', true)
try('ok {} {:.{}f}', 1, 2, -1)
try('{:{}}', 1, 1.5)
try('{:{}}', 1, 'x')
try('{:{}}', 1, true)
try('{:{}}', 1, 0 / 0)
try('{:\xff<3}', 1)
try('{}', nil)
try('{}', {})
try('{}', {'a'})
try('{}', {1, 2})
try('{}', {'a', {}})
try('{}', print)
try('unused', {})
try('{}', setmetatable({}, {__tostring = function() return 'x' end}))
try('{:4097}', 1)
try('{:.4097f}', 1)
try(('x'):rep(4097))
try(('{0}'):rep(17), ('x'):rep(65536))
try()
try({})
