-- run once
-- External packages: PERILUNE_PATH, then EMILUA_PATH.
local function try(name)
  local ok, e = pcall(require, name)
  if ok then return print(name, rawget(e, 'name')) end
  print(name, type(e) == 'table' and e.code, type(e) == 'table' and e.module, tostring(e))
end
print('context', _CONTEXT)
local ok, pkg = pcall(require, 'pkg')
if ok then
  print(pkg.name, pkg.context == '', pkg.file)
  print(pkg.part.name, pkg.part.context == '', require('pkg/part') == pkg.part, require 'pkg' == pkg)
  print(pkg.rooted.name, pkg.rooted.sibling[2].name, pkg.rooted.other_package)
  print(pkg.above[1], pkg.above[2].code)
  local solo = require 'solo'
  print(solo.name, solo.child[2].code, solo.sibling[2].code, solo.file)
else
  print('no pkg:', tostring(pkg))
end
for _, name in ipairs {'pkg/sub/deep', 'pkg2', 'time', 'broken', 'dies', 'dir', 'nowhere', 'pkg/nowhere', 'pkg/init'} do try(name) end
