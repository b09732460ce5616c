-- A thousand fibers are spawned, then joined.
local count = tonumber(require('system').arguments[3])
local function nothing() end
local fibers = {}
for _ = 1, count / 1000 do
  for i = 1, 1000 do fibers[i] = spawn(nothing) end
  for i = 1, 1000 do fibers[i]:join() end
end
