-- Relative names need to know whose they are: `_FILE` says it.
local file = _FILE
local function try(name)
  local ok, e = pcall(require, name)
  if ok then return print(name, rawget(e, 'name') or 'a built-in module') end
  print(name, e.code, tostring(e.category), e.module, tostring(e))
end
try './leaf'
_FILE = nil
try './leaf'
try '/leaf'
try 'time'
_FILE = 'nowhere.lua'
try './leaf'
_FILE = 42
try './leaf'
_FILE = 0/0
try './leaf'
-- It is what names resolve against: the path of another module of this VM will do.
_FILE = file
require './tree'
_FILE = 'tree/init.lua'
try './leaf'
_FILE = file
try './leaf'
