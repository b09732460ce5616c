-- run once
local arguments = require('system').arguments
print(#arguments, arguments[2], table.concat(arguments, '|', 3))
