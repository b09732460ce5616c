-- Which file a name means.
local function try(name, from)
  local ok, e = pcall(from or require, name)
  if ok then return print(name, e.name) end
  print(name, e.code, tostring(e.category), e.module == name, tostring(e))
end

print(require('./leaf').name, require('/leaf') == require './leaf')
local tree = require './tree'
print(tree.name, tree.child('./leaf').name, tree.child('../leaf').name, tree.child('/leaf').name)
print(tree.child('./lib').name, tree.child('./lib').a.name, require('./tree/lib') == tree.child('./lib'))
local b = require './tree/lib/deep/b'
print(b.name, b.up.name, b.top.name, b.root.name)

-- x.lua comes before x/init.lua; what is in x/ can be had all the same.
print(require('./both').name, require('./both/inner').name)

-- A module may return its value.
print(require('./table_result').shown, require('./table_result').hidden)
print(require('./function_result')())
print(require('./other_result').shown)

try './missing'
try '/tree/missing'
for _, name in ipairs {'missing', 'missing/part'} do
  local ok, e = pcall(require, name)
  print(e.code, e.module, tostring(e):match('^module not found: no built%-in module is called'))
end
try '../leaf'
try('./leaf', require('./tree/leaf').require)
try('../../../leaf', require('./tree/leaf').require)
try('./b', function(name) local ok, e = tree.child('./lib').a.try(name) if ok then return e end error(e, 0) end)
for _, name in ipairs {'', '.', '..', './', '../', '/', '//leaf', './leaf.lua', './1x', './a-b', './tree//leaf',
                       './tree/../leaf', '/../leaf', 'a b', 'a.b', './leaf\n', ('x'):rep(256)} do
  local ok, e = pcall(require, name)
  print(ok, e.code, (tostring(e):sub(1, 60):gsub('\n', '?')))
end
print(#select(2, pcall(require, ('x'):rep(256))).module)
print(pcall(require, './leaf\0.lua'))
print(pcall(require))
print(pcall(require, {}))
print(pcall(require, 42))
