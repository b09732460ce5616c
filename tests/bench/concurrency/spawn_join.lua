-- One fiber after the other is spawned and joined.
local count = tonumber(require('system').arguments[3])
local function nothing() end
for _ = 1, count do spawn(nothing):join() end
