-- system.set_uncaught_hook: told of what nobody can hear of, in a fiber of its own.
local system, sleep = require 'system', require('time').sleep
local function try(...)
  local ok, e = pcall(...)
  return ok, (tostring(e):gsub('^.-:%d+: ', ''))
end
print(try(system.set_uncaught_hook))
print(try(system.set_uncaught_hook, 1))
print(try(system.set_uncaught_hook, setmetatable({}, { __call = print })))

system.set_uncaught_hook(function(e, traceback, id)
  this_fiber.yield()  -- it may suspend
  print('hook:', type(e) == 'table' and e.x or e, traceback:match('^stack traceback:\n\t') ~= nil,
    id:match('^0x%x+$') ~= nil, this_fiber.id ~= id, this_fiber.is_main)
end)
spawn(function() error('detached', 0) end):detach()
sleep(0.001)
local late = spawn(function() error({ x = 'a table' }) end)
this_fiber.yield()
late:detach()
sleep(0.001)
do local collected = spawn(function() error('collected', 0) end) this_fiber.yield() end
collectgarbage() collectgarbage()
sleep(0.001)
spawn(function() error() end):detach()
sleep(0.001)

-- Not: joined errors, interruptions.
local joined = spawn(function() error('joined') end)
print(pcall(joined.join, joined))
local f = spawn(function() sleep(1000) end)
this_fiber.yield()
f:interrupt()
f:detach()
sleep(0.001)

-- A hook that fails: both errors go to standard error.
system.set_uncaught_hook(function() error('the hook') end)
spawn(function() error('its reason') end):detach()
sleep(0.001)
-- A hook that spawns fibers that fail is told of them as well.
local told = 0
system.set_uncaught_hook(function(e)
  told = told + 1
  if told < 5 then spawn(error, e .. '!', 0):detach() else print(e) end
end)
spawn(error, 'again', 0):detach()
sleep(0.001)
-- nil: the default again.
system.set_uncaught_hook(nil)
spawn(function() error('by default') end):detach()
sleep(0.001)
