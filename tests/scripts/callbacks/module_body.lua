-- A module's body may suspend; who imports it meanwhile waits for it.
local order = {}
local a = spawn(function() local m = require './slow_module' order[#order + 1] = 'a' return m end)
local b = spawn(function() local m = require './slow_module' order[#order + 1] = 'b' return m end)
local first, second = a:join(), b:join()
assert(first == second and first.loads == 1 and first.value == 'nested')
assert(table.concat(order) == 'ab', table.concat(order))
assert(coroutine.wrap(function() return require './slow_module' end)() == first)
print 'ok'
