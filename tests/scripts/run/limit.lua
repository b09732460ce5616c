-- run once
local f = {}
local ok, e = pcall(function() for i = 1, 20 do f[i] = spawn(function() this_fiber.yield() end) end end)
print(#f, ok, ok or e.limit)
