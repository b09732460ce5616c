-- run once
-- Native plugins: the documented example, and what is wrong with others.
local primes = require 'primes'
print(primes.version, require 'primes' == primes, getmetatable(primes))

-- The fiber waits, the others run on.
local log = {}
local counter = spawn(function() local n = primes.count(300000) log[#log + 1] = 'counted' return n end)
this_fiber.yield()
log[#log + 1] = 'running'
print(counter:join(), table.concat(log, ' '))
local a, b = spawn(function() return primes.count(100) end), spawn(function() return primes.count(10) end)
print(a:join(), b:join(), primes.count(0), coroutine.wrap(function() return primes.count(3) end)())

-- Interrupted while a thread works.
local long = spawn(function() primes.count(1e9) end)
this_fiber.yield()
long:interrupt()
long:join()
print(long.interruption_caught)

this_fiber.forbid_suspend()
print((select(2, pcall(primes.count, 10)).code))
this_fiber.allow_suspend()

-- Objects.
local sieve = primes.sieve(100)
print(sieve:has(97), sieve:has(99), getmetatable(sieve))
print(pcall(sieve.has, sieve, 101))
local _, e = pcall(sieve.has, sieve, -1)
print(e.code, tostring(e.category))
print(pcall(sieve.has, primes, 1))
print(pcall(function() return sieve.nothing end))
print(pcall(function() sieve.nothing = 1 end))
sieve = nil
for i = 1, 100 do primes.sieve(1000000) collectgarbage() end

print((primes.upper('abc\0def'):gsub('%z', '?')), primes.upper(byte_span.append('span')))
for _, bad in ipairs {{'x'}, {1e10}, {0/0}, {}} do print(pcall(primes.count, bad[1])) end
print(pcall(primes.sieve, 1), pcall(primes.upper, {}))
print(pcall(function() return primes.nothing end))
print(pcall(function() primes.nothing = 1 end))

for _, name in ipairs {'wrong_abi', 'no_symbol', 'incomplete', 'no_elf', 'empty', 'missing'} do
  local ok, e = pcall(require, name)
  print(name, e.code, tostring(e.category), e.module:match('[^/]*$'), (tostring(e):gsub('%S*/lib', 'lib'):gsub(';.*', ';…')))
end

local m = require 'misbehaves'
for _, name in ipairs {'unknown_status', 'fails_silently', 'suspends', 'twice', 'bad_value', 'later', 'abandoned'} do
  local ok, e = pcall(m[name])
  print(name, ok, e.code, tostring(e.category), tostring(e))
end
print(#m.at_once(), select('#', m.at_once()))
print(m.types(nil, true, 1, 'x', byte_span.new(1), primes.sieve(2), {}, print))
local waiter = spawn(function() m.waits() end)
this_fiber.yield()
waiter:interrupt()
waiter:join()
print(waiter.interruption_caught)
-- The program ends with a call under way.
spawn(function() m.waits() end)
spawn(function() primes.count(1e9) end)
this_fiber.yield()
require('system').exit(0)
