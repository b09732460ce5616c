-- Everybody waits, nobody is left: what each of them waits for is named; pcall catches it.
local condition_variable = require 'condition_variable'
local future = require 'future'
local mutex = require 'mutex'
local queue = require 'queue'
local semaphore = require 'semaphore'

local function told(name, f, ...)
  local ok, e = pcall(f, ...)
  print(name, ok, e.code, (tostring(e):gsub('^.*: ', ''):gsub(' at .- waits', ' at … waits')))
end

local m, c = mutex.new(), condition_variable.new()
m:lock()
told('wait', c.wait, c, m)
m:unlock()
local p, f = future.new()
told('get', f.get, f)
p:set_value(1)
print(f:get())
local q = queue.new(1)
told('pop', q.pop, q)
q:push(1)
told('push', q.push, q, 2)
print(q:pop())
local s = semaphore.new(0)
told('acquire', s.acquire, s)
s:release()
s:acquire()

-- who joins them gets their error; joins in a circle
local pool = {}
for i = 1, 3 do pool[i] = spawn(function() return q:pop() end) end
for _, fiber in ipairs(pool) do told('join', fiber.join, fiber) end
local x, y
x = spawn(function() pcall(y.join, y) end)
y = spawn(function() pcall(x.join, x) end)
this_fiber.yield()
this_fiber.yield()
local z = mutex.new()
z:lock()
told('lock', z.lock, z)
