-- Each module has its own environment.
main_global = true
print(_FILE, _CONTEXT, _G.main_global, rawequal(_G, _G._G))
local m = require './env/module'
print(m.file, m.context == '', m.own == m, m.name, m.exported, m.private)
print(m.spawn_seen == spawn, m.string_seen == string, m.leaked)
m.set(7)
print(m.exported, exported)
m.extra = 'seen by the module'
print(m.extra, m._G.extra, require('./env/module').extra)
print(m.loaded())
print(m.define(), defined)
-- An environment is a table like any other: it says nil for what is not there.
print(m.nothing, undefined_global)
-- What `load` compiles belongs to the module that owns this `load`, or where it is told to.
print(load('x = 1 return x')(), x)
local into = {}
load('y = 2', 'chunk', 't', into)()
print(into.y, y)
print((select(2, load('syntax error here', '=chunk'))))
print(type(load(function() return nil end)))
local parts = {'return ', '1', ' + 1'}
local i = 0
print(load(function() i = i + 1 return parts[i] end)())
print(load(function() return 1 end))
