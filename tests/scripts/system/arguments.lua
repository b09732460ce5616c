-- What every program finds in `system`.
local system = require 'system'
print(type(system.arguments), #system.arguments, system.arguments[2])
print(type(system.environment), system.environment.SURELY_NOT_SET_ANYWHERE)
print(getmetatable(system), pcall(function() return system.nothing end))
for key, value in pairs(system.environment) do assert(type(key) == 'string' and type(value) == 'string') end
-- The tables are the program's own.
system.arguments[2] = 'mine'
system.environment.MINE = 'too'
print(require('system').arguments[2], require('system').environment.MINE)
