-- Several fibers need one module.
local function import(name)
  return spawn(function()
    local ok, m = pcall(require, name)
    return ok, m
  end)
end
local function join_all(fibers)
  local results = {}
  for i, f in ipairs(fibers) do results[i] = {f:join()} end
  return results
end

local r = join_all {import './slow/once', import './slow/once', import './slow/once'}
print(r[1][1], r[1][2].value, r[1][2] == r[2][2], r[2][2] == r[3][2])

-- Its error is everybody's, the same value; then it is tried again.
r = join_all {import './slow/fails', import './slow/fails', import './slow/fails'}
print(r[1][1], r[1][2].why, r[1][2] == r[2][2], r[2][2] == r[3][2])
print(select('#', pcall(require, './slow/fails')))

-- An importer that is interrupted takes its body with it; another one that waits begins anew.
local first = spawn(function() require './slow/hangs' end)
local second = import './slow/hangs'
this_fiber.yield()
first:interrupt()
first:join()
print('interrupted', first.interruption_caught)
print(second:join() and require('./slow/hangs').value)

-- One that only waits can be interrupted and does no harm.
local loader = spawn(function() return require('./slow/once2').value end)
local waiter = spawn(function() return require('./slow/once2').value end)
this_fiber.yield()
waiter:interrupt()
waiter:join()
print(waiter.interruption_caught, loader:join())

print(require('./slow/coroutine').value)
print(coroutine.wrap(function() return require('./slow/once3').value end)())

-- The body runs in the fiber that imports: it shares what is the fiber's.
this_fiber.local_.seen = 'by the module'
local main = require './slow/local'
print(main.seen, main.is_main, main.id == this_fiber.id)
print(spawn(function()
  this_fiber.local_.seen = 'in a fiber'
  local m = require './slow/local2'
  return m.seen, m.is_main, m.id == this_fiber.id
end):join())
-- A body that does not suspend can be had where suspension is forbidden, one that does can't.
this_fiber.forbid_suspend()
print(require('./slow/local3').is_main)
print(select(2, pcall(require, './slow/once4')).code)
this_fiber.allow_suspend()
print(require('./slow/once4').value)
