-- Error codes as values: identity, comparison, categories, fields.
local g = require 'generic_error'
local a = require 'asio_error'

local e = g.EINVAL
print(type(e), getmetatable(e), e.code, tostring(e.category), getmetatable(e.category), e)

-- a new one at each access; equal by code and category
print(rawequal(g.EINVAL, g.EINVAL), g.EINVAL == g.EINVAL, g.EINVAL == g.EPERM)
print(a.misc.eof == a.misc.eof, a.misc.eof == a.netdb.host_not_found_try_again, a.misc.eof.code == a.netdb.host_not_found_try_again.code)
print(a.basic.connection_refused == g.ECONNREFUSED, a.basic.connection_refused:togeneric() == g.ECONNREFUSED)
print(e == 22, e == 'Invalid argument', e ~= g.EINVAL)
local changed = g.EINVAL
changed.code = 1
print(changed == g.EPERM, changed, changed == g.EINVAL)

-- categories
print(g.EINVAL.category == g.EPERM.category, g.EINVAL.category == a.basic.fault.category, a.misc.eof.category == a.netdb.no_data.category)
for _, one in ipairs{e, a.basic.fault, a.misc.eof, a.netdb.no_data, a.addrinfo.service_not_found} do
  print(one.category, one.category:message(one.code), one)
end
print(e.category:message(1), e.category:message(0), e.category:message(123456), e.category:message(-1))
print(e.category:message(2 ^ 40), a.misc.eof.category:message(0))

-- fields of one's own, and those of the runtime
e.arg, e.more = 3, {1}
print(e.arg, #e.more, e == g.EINVAL, e.nothing)
local ok, bad = pcall(function() return g.ENOTHING end)
print(ok, bad, bad.index, bad.category, bad.code)
ok, bad = pcall(function() return a.misc[1] end)
print(ok, bad, bad.index)
ok, bad = pcall(function() return require 'mutex'.new().nothing end)
print(ok, bad, bad.index)
ok, bad = pcall(function() g.EINVAL = 1 end)
print(ok, bad, bad == g.EPERM)
ok, bad = pcall(function() a.basic.fault = 1 end)
print(ok, bad)
print(getmetatable(g), getmetatable(a.basic), pcall(function() return a.nothing end))
for _ in pairs(g) do print 'never' end

-- what is thrown is what is caught
local mine = a.misc.eof
mine.where = 'here'
for _, catch in ipairs{
  function() return select(2, pcall(error, mine)) end,
  function() return select(2, pcall(function() pcall(function() end) error(mine) end)) end,
  function() return select(2, pcall(function() return spawn(function() error(mine, 0) end):join() end)) end,
  function() return select(2, coroutine.resume(coroutine.create(function() error(mine) end))) end,
  function() return select(2, xpcall(function() error(mine) end, function(x) return x end)) end,
  function() return select(2, pcall(coroutine.wrap(function() error(mine) end))) end,
} do
  local caught = catch()
  print(rawequal(caught, mine), caught.where)
end
print(pcall(function() assert(false, mine) end))

-- as text
print('at ' .. e .. '!', tostring(e):upper(), #tostring(e))
local said = g.ENOENT
said.message = 'no such page'
print(said, 'why: ' .. said, said == g.ENOENT)
said.message = 5
print(said)

-- togeneric
for _, one in ipairs{g.EPERM, a.basic.would_block, a.basic.shut_down, a.misc.eof, a.netdb.no_recovery, a.addrinfo.socket_type_not_supported} do
  local generic = one:togeneric()
  print(one.category, one, generic.category, generic, rawequal(one, generic))
end

-- bad input
local function try(f, ...) print(select(2, pcall(f, ...))) end
try(e.togeneric)
try(e.togeneric, {})
try(e.togeneric, setmetatable({}, {}))
try(e.category.message)
try(e.category.message, e.category)
try(e.category.message, e.category, 'x')
try(e.category.message, e, 1)
try(e.category.message, require 'mutex'.new(), 1)
try(function() return e .. {} end)
try(function() return e < g.EPERM end)
try(function() return e.category.nothing end)
try(function() e.category.x = 1 end)
try(setmetatable, e, nil)
e.category = nil
print(e, e == g.EINVAL)
try(e.togeneric, e)
e.category, e.code = g.EPERM.category, 'x'
print(e)
