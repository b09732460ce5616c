-- PERILUNE_PATH=. perilune run main.lua
local primes = require 'primes'

local counter = spawn(function() return primes.count(200000) end)
this_fiber.yield()
print('other fibers run meanwhile')
print('primes up to 200000:', counter:join())

local sieve = primes.sieve(100)
print(sieve:has(97), sieve:has(99))
print(pcall(sieve.has, sieve, 1000))
