-- time.sleep and sleep_for: how long, in which order, with what not.
local time = require 'time'
local sleep_for = require 'sleep_for'
local now = time.steady_clock.now

local before = now()
time.sleep(0.02)
print(now() - before >= 0.02)
before = now()
sleep_for(20)
print(now() - before >= 0.02)
before = now()
sleep_for(0.5)
print(now() - before >= 0.0005)

-- those who sleep do not keep others from running; who wakes first goes first
local order = {}
local fibers = {}
for _, ms in ipairs{30, 10, 20, 0} do
  fibers[#fibers + 1] = spawn(function() sleep_for(ms) order[#order + 1] = ms end)
end
for _, f in ipairs(fibers) do f:join() end
print(table.concat(order, ' '))

-- zero lets the others run
local ran = false
spawn(function() ran = true end)
time.sleep(0)
print(ran)

-- results: none
print(select('#', time.sleep(0)), select('#', sleep_for(0)), select('#', time.sleep(0, 'more')))

local function try(f, ...)
  local ok, e = pcall(f, ...)
  if type(e) == 'table' then print(ok, tostring(e.category), e, e.arg) else print(ok, e) end
end
for _, bad in ipairs{0 / 0, 1 / 0, -1 / 0, -1, -1e-9} do
  try(time.sleep, bad)
  try(sleep_for, bad)
end
try(time.sleep)
try(sleep_for, {})
try(time.sleep, 'x')
time.sleep('0.001')

-- forbidden, interrupted
this_fiber.forbid_suspend()
try(time.sleep, 0)
this_fiber.allow_suspend()
local f = spawn(function() time.sleep(1e300) end)
this_fiber.yield()
f:interrupt()
f:join()
print(f.interruption_caught)
f = spawn(function() sleep_for(1e300) end)
f:interrupt()
f:join()
print(f.interruption_caught)
