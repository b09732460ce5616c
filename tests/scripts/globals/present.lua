-- What each module's environment begins with, in both profiles.
local names = {}
for _, name in ipairs {'assert', 'collectgarbage', 'error', 'getmetatable', 'ipairs', 'load', 'loadstring', 'next', 'pairs', 'print',
                       'rawequal', 'rawget', 'rawset', 'select', 'setmetatable', 'tonumber', 'tostring', 'type', 'unpack',
                       'pcall', 'xpcall', 'require', 'spawn', 'format'} do
  if type(_G[name]) ~= 'function' then print(name, _G[name]) end
end
for _, name in ipairs {'string', 'table', 'math', 'bit', 'coroutine', 'this_fiber', 'log', '_G'} do
  local kind = type(_G[name])
  if kind ~= 'table' and kind ~= 'userdata' then print(name, kind) end
end
print(_VERSION, _CONTEXT, _FILE, _G._G == _G)
print(type(byte_span.new), type(debug.traceback), type(os.time), type(os.clock))
-- Lua 5.2's additions that LuaJIT has.
print(type(table.pack), type(table.unpack), type(rawlen), #'\z   x', load('goto out ::out:: return 1')())
-- Functions of every module are the same; assignments are not shared.
print(string.upper 'a', ('x'):rep(3))
print = nil
assert(load('return print')() == nil)
_G.print = log and select(2, pcall(require, './other')).print
print('another module still has print')
