-- Every function and property of regex, in the three grammars, on good and bad input.
local regex = require 'regex'
local function re(pattern, grammar, more)
  local options = more or {}
  options.pattern, options.grammar = pattern, grammar
  return regex.new(options)
end
local function show(...)
  local all = {}
  for i = 1, select('#', ...) do all[i] = tostring((select(i, ...))) end
  print(table.concat(all, '|'))
end
local function positions(m)
  if m.empty then return 'none' end
  local all = {}
  for i = 0, 9 do
    if m[i] then all[#all + 1] = i .. ':' .. m[i].start .. '-' .. m[i].end_ end
  end
  return table.concat(all, ' ')
end

local r = re([[(\d+)-(\d+)?]])
print(r.mark_count, r.grammar, r.ignore_case, r.nosubs, r.optimized, getmetatable(r))
r = re('(a)', 'basic', {ignore_case = true, nosubs = true, optimize = true})
print(r.mark_count, r.grammar, r.ignore_case, r.nosubs, r.optimized)

show(regex.match(re([[(\d+)-(\d+)?]]), '12-34'))
show(regex.match(re([[(\d+)-(\d+)?]]), '12-'))
show(regex.match(re([[\d+]]), '12'), regex.match(re([[\d+]]), '12x'), regex.match(re(''), ''))
show(regex.match(re('(a)(b)', nil, {nosubs = true}), 'ab'), regex.match(re('[a-z]+', nil, {ignore_case = true}), 'MiXed'))
local part = regex.match(re('(b+)'), byte_span.append('bbb'))
show(part, getmetatable(part), regex.match(re('a*'), byte_span.append('aa')))

print(positions(regex.search(re('(b)(c)?'), 'abab')), positions(regex.search(re('x'), 'abc')), positions(regex.search(re('c*'), 'abc')))
print(positions(regex.search(re('$'), 'abc')), positions(regex.search(re('a|ab'), 'ab')), positions(regex.search(re('a|ab', 'extended'), 'ab')))
print(positions(regex.search(re('l+'), byte_span.append('hello'))), positions(regex.search(re([[\bb]]), 'ab b')))

show(unpack(regex.split(re('[,;]'), 'a,b;;c,')))
show(unpack(regex.split(re(' *'), 'a b')))
show(#regex.split(re(','), ''), unpack(regex.split(re(','), 'one')))
show(unpack(regex.split(re(','), byte_span.append(',x'))))
show(unpack(regex.patsplit(re('[^,]*'), 'ab,,c,')))
show(#regex.patsplit(re('a'), 'xyz'), #regex.patsplit(re('a*'), ''), unpack(regex.patsplit(re('[0-9]+'), byte_span.append('1, 22;3'))))

-- POSIX
show(regex.match(re([[\(a*\)b\{2,3\}]], 'basic'), 'aabb'), regex.match(re('a+(b)?', 'basic'), 'a+(b)?'))
show(regex.match(re('*a^b$c', 'basic'), '*a^b$c'), regex.match(re([[a\.\*]], 'basic'), 'a.*'))
show(regex.match(re('(a|b){2}c+d?', 'extended'), 'abcc'), regex.match(re([=[[]\n-]+]=], 'extended'), [=[]\n-]=]))
show(regex.match(re('[[:alpha:]]+[[:digit:][:punct:]]*', 'extended'), 'ab12!'), regex.match(re('a.b', 'extended'), 'a\nb'))
-- ECMAScript
show(regex.match(re([[\w+\s\x41\u0042\t?\.]]), 'ab\vAB.'), regex.match(re('a.b'), 'a\nb'), regex.match(re('a+?(a*)'), 'aaa'))
show(regex.match(re([=[(?:ab)+[^]{2}[\d\]]*]=]), 'abab\n\n1]'), regex.match(re('[]'), ''), regex.match(re([[a\0b]]), 'a\0b') == 'a\0b')

for _, bad in ipairs{
  {[[(a)\1]]}, {[[\(a\)\1]], 'basic'}, {'(a)\\1', 'extended'}, {'x(?=y)'}, {'x(?!y)'}, {'(?<=x)y'}, {'(?<n>a)'},
  {'a)'}, {'(a'}, {'*'}, {'a**'}, {'[a'}, {'[b-a]'}, {'[[:no:]]'}, {'a{1001}'}, {'(a{100}){11}'}, {'a{2,1}'}, {'\\'},
  {[[\+]], 'basic'}, {('a'):rep(4097)},
} do
  local ok, e = pcall(re, bad[1], bad[2])
  print(#bad[1] < 20 and bad[1] or #bad[1], ok, e.arg, e.offset, e.reason, e.code == require 'generic_error'.EINVAL.code)
end
print(select(2, pcall(re, 'a(')))
print(select(2, pcall(regex.new, {})), select(2, pcall(regex.new, {pattern = 'a', grammar = 'awk'})))
print(re(('a'):rep(4096)).mark_count, re('(a{100}){10}').mark_count)
