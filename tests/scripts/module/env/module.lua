exported = 1
local private = 2
function set(value) exported = value end
file, context, own = _FILE, _CONTEXT, _G
name = ...
spawn_seen, string_seen = spawn, string
leaked = main_global
function loaded() return load('return exported')(), loadstring('return exported')() end
function define() load('defined = true')() return defined end
