-- Wrong types are said at the script's own line, with the function's name, for functions that suspend too.
local time = require 'time'
local mutex = require 'mutex'
local function try(f, ...) print(select(2, pcall(f, ...))) end

try(function() time.sleep('x') end)
try(function() time.sleep() end)
local nap = time.sleep
try(function() nap({}) end)
try(function()
  local m = mutex.new()
  m.try_lock(5)
end)
local co = coroutine.wrap(function() time.sleep(nil) end)
try(co)
try(time.sleep, false)
try(spawn, 1)
