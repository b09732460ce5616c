-- Built-in modules refuse what they do not have.
local function try(what, f)
  local ok, e = pcall(f)
  print(what, ok, ok or e.code, ok or tostring(e.category), ok or tostring(e))
end
for _, name in ipairs {'time', 'mutex', 'ip', 'http', 'system', 'perilune'} do
  local m = require(name)
  try(name, function() return m.nothing end)
  try(name, function() m.nothing = 1 end)
  print(getmetatable(m), require(name) == m, pcall(setmetatable, m, nil))
end
local ip = require 'ip'
try('ip.tcp', function() return ip.tcp.nothing end)
try('ip.tcp.socket', function() ip.tcp.socket.nothing = 1 end)
try('number', function() return ip[1] end)
try('table', function() return ip[{}] end)
-- Data is not a module.
print(require('system').environment.SURELY_NOT_SET_ANYWHERE, require('system').arguments[100])
-- Globals that are modules too stay as they are.
print(require('bit') == bit, bit.nothing, require('byte_span') == byte_span)
