-- The handle: states, properties, what it says about itself, and every misuse.
local function try(f, ...)
  local ok, e = pcall(f, ...)
  if ok then return 'ok' end
  if type(e) == 'table' then return tostring(e.category) .. ' ' .. e.code .. ' ' .. tostring(e) end
  return (e:gsub('^.-:%d+: ', ''))
end

local f = spawn(function() this_fiber.yield() return 'r' end)
print(getmetatable(f), type(f), tostring(f):match('^fiber 0x%x+$') ~= nil)
print('fresh', f.joinable, try(function() return f.interruption_caught end),
  try(function() return f.cancellation_caught end))

-- Somebody joins: not joinable for others, but it can still be interrupted.
local joiner = spawn(function() return f:join() end)
this_fiber.yield()
print('being joined', f.joinable, try(f.join, f), try(f.detach, f))
print('result', joiner:join())
print('joined', f.joinable, f.interruption_caught, f.cancellation_caught)
print('again', try(f.join, f), try(f.detach, f), try(f.interrupt, f), try(f.cancel, f))

local d = spawn(function() end)
d:detach()
print('detached', d.joinable, try(d.join, d), try(d.detach, d), try(d.interrupt, d),
  try(function() return d.interruption_caught end))

-- A fiber that has ended already is joined at once, without switching.
local switched = false
local done = spawn(function() return 'there' end)
this_fiber.yield()
spawn(function() switched = true end):detach()
print('ended before', done.joinable, done:join(), switched)

-- Oneself.
local me
me = spawn(function() return try(me.join, me), me.joinable end)
print('self', me:join())

-- Keys and receivers.
print(try(function() return f.nothing end), try(function() return f[1] end), try(function() return f[{}] end))
print(try(function() f.joinable = false end), try(function() f.x = 1 end))
for _, method in ipairs { 'join', 'detach', 'interrupt', 'cancel' } do
  print(method, try(f[method]), try(f[method], 3), try(f[method], {}), try(f[method], require('mutex').new()))
end
-- An error leaves the fiber joinable only if nobody was told.
local bad = spawn(function() error({ x = 7 }) end)
local ok, e = pcall(bad.join, bad)
print(ok, e.x, bad.joinable, bad.interruption_caught)
