-- hosted only
-- What an app does not have.
for _, name in ipairs {'dofile', 'loadfile', 'gcinfo', 'getfenv', 'setfenv', 'newproxy', 'module', 'package', 'io', 'jit', 'ffi'} do
  if _G[name] ~= nil then print(name, _G[name]) end
end
for _, name in ipairs {'ffi', 'jit', 'io', 'os', 'debug', 'package', 'string.buffer', 'table.new', 'jit.util', 'unix', 'file'} do
  local ok, e = pcall(require, name)
  if ok or (e.code ~= 2 and e.code ~= 1) then print(name, ok, e) end
end
for _, name in ipairs {'execute', 'exit', 'getenv', 'remove', 'rename', 'setlocale', 'tmpname'} do assert(os[name] == nil, name) end
print(string.dump, debug.getinfo, debug.sethook, load('\27LJ'))
