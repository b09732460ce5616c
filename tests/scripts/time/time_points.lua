-- Clocks and the arithmetic of their points.
local time = require 'time'
time.sleep(0.003) -- a hosted VM's steady clock begins with the VM
local clocks = {'steady_clock', 'system_clock', 'high_resolution_clock'}

for _, name in ipairs(clocks) do
  local clock = time[name]
  local epoch, now = clock.epoch(), clock.now()
  print(name, getmetatable(now), clock.is_steady, epoch.seconds_since_epoch)
  print(now > epoch, now == now, epoch == clock.epoch(), epoch < epoch, epoch <= clock.epoch(), now ~= epoch)
  local later = epoch + 2.5
  print(later.seconds_since_epoch, later - epoch, epoch - later, (later - 1).seconds_since_epoch, epoch.seconds_since_epoch)
  print((epoch + -1.25).seconds_since_epoch, (epoch - 1e-9).seconds_since_epoch * 1e9)
  print(clock.now() >= now)
end

-- add and sub move the point itself
local p = time.steady_clock.epoch()
local same = p
print(select('#', p:add(10)), same.seconds_since_epoch)
p:sub(0.5)
print(same.seconds_since_epoch, same == p)
local w = time.system_clock.epoch()
w:add(86400)
print(w.seconds_since_epoch, math.abs(time.system_clock.now().seconds_since_epoch - os.time()) < 5)

-- bad input
local function try(f, ...)
  local ok, e = pcall(f, ...)
  if ok then return print('no error') end
  if type(e) == 'table' then print(tostring(e.category), e, e.arg, e.index) else print(e) end
end
local nan, inf = 0 / 0, 1 / 0
local s, h = time.steady_clock.now(), time.high_resolution_clock.now()
for _, bad in ipairs{nan, inf, -inf, 1e10, -1e10, 1e300} do
  try(s.add, s, bad)
  try(s.sub, s, bad)
  try(function() return s + bad end)
  try(function() return s - bad end)
end
try(s.add, s, 'soon')
try(s.add, s)
try(s.add, w, 1)
try(s.add, {}, 1)
try(s.add)
try(function() return s - w end)
try(function() return s - {} end)
try(function() return s - nil end)
try(function() return s < w end)
try(function() return w <= h end)
try(function() return s < 1 end)
try(function() return 1 + s end)
try(function() return s.nothing end)
try(function() return s[1] end)
try(function() return h.add end)
try(function() s.seconds_since_epoch = 1 end)
try(function() return #s end)
print(s == w, s == h, s == 1)
local far = time.steady_clock.epoch() + 9.2e9
try(function() return far + 9.2e9 end)
try(function() return time.steady_clock.epoch() - 9.2e9 - 9.2e9 end)
print(far - (time.steady_clock.epoch() - 9.2e9))
