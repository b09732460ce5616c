-- engine only
local system = require 'system'
print(system.getpid() > 0, system.getppid() > 0, system.getpgrp() == system.getpgid(), system.getpgid(0) == system.getpgrp())
print(system.getsid() == system.getsid(0), system.getsid(system.getpid()) == system.getsid())
print(select('#', system.getresuid()), select('#', system.getresgid()), type(system.getgroups()))
print(system.environment.PATH ~= nil)
for _, name in ipairs {'getpgid', 'getsid'} do
  local ok, e = pcall(system[name], 0x7fffffff)
  print(name, ok, e.code, tostring(e.category))
  ok, e = pcall(system[name], -1)
  print(name, ok, tostring(e), e.arg)
  ok, e = pcall(system[name], 0/0)
  print(name, ok, tostring(e), e.arg)
  print(name, (select(2, pcall(system[name], {})):match('bad argument #1')))
end
