local time = require 'time'
time.sleep(0.002)
local nested = ('x'):gsub('x', function() time.sleep(0.001) return 'nested' end)
return {loads = 1, value = nested}
