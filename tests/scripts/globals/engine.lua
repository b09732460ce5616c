-- engine only
-- What the engine has besides.
for _, name in ipairs {'dofile', 'loadfile', 'gcinfo', 'getfenv', 'setfenv', 'newproxy'} do assert(type(_G[name]) == 'function', name) end
for _, name in ipairs {'io', 'os', 'debug', 'jit'} do assert(type(_G[name]) == 'table', name) end
print(package, module, type(require 'ffi'), type(require 'string.buffer'), type(require 'table.new'))
print(getfenv(1) == _G, getfenv(require('./other').f or print) ~= nil)
-- Chunks from files belong to the module that loads them.
local name = os.tmpname()
local file = io.open(name, 'w')
file:write('from_file = 7 return ...')
file:close()
print(loadfile(name)('argument'), from_file)
from_file = nil
print(dofile(name), from_file)
local into = {}
from_file = nil
print(loadfile(name, 't', into)(1), into.from_file, from_file)
file = io.open(name, 'w')
file:write('x = = 1')
file:close()
print((select(2, loadfile(name)):gsub('^.*:1', 'file:1')))
print((select(2, pcall(dofile, name)):gsub('^.*:1', 'file:1')))
os.remove(name)
print(loadfile(name) == nil, (pcall(dofile, name)))
local f = setfenv(function() return require end, {})
print(pcall(f), pcall(setfenv(function() return here end, {here = 1})))
