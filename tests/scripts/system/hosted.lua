-- hosted only
-- The process is not an app's.
local system = require 'system'
for _, name in ipairs {'exit', 'getpid', 'getppid', 'getpgrp', 'getpgid', 'getsid', 'getresuid', 'getresgid', 'getgroups',
                       'in_', 'out', 'err', 'spawn', 'signal'} do
  local ok, e = pcall(function() return system[name] end)
  if ok or e.code ~= 8 then print('there is', name) end
end
print(system.environment.HOME, system.environment.PATH)
