-- Waits that time, I/O or another fiber will end.
local mutex = require 'mutex'
local queue = require 'queue'
local sleep_for = require 'sleep_for'
local ip = require 'ip'

-- a gate that another fiber opens, and whoever joins who waits at it
local gate = mutex.new()
gate:lock()
local waiter = spawn(function() gate:lock() return 'through' end)
spawn(function() sleep_for(50) gate:unlock() end):detach()
print(waiter:join())

-- a pool that waits for work, which comes from a client's connection
local acceptor = ip.tcp.acceptor.new()
acceptor:open('v4')
acceptor:bind(ip.address.loopback_v4(), 0)
acceptor:listen()
local work = queue.new(4)
local done = queue.new(4)
for _ = 1, 3 do
  spawn(function()
    local n = work:pop()
    while n ~= 'end' do
      done:push(n * n)
      n = work:pop()
    end
  end):detach()
end
spawn(function()
  local peer = acceptor:accept()
  for i = 1, 5 do work:push(i) end
  peer:close()
end):detach()
sleep_for(50)
local client = ip.tcp.socket.new()
client:connect(ip.address.loopback_v4(), acceptor.local_port)
local sum = 0
for _ = 1, 5 do sum = sum + done:pop() end
print(sum)
for _ = 1, 3 do work:push('end') end

-- time limits
local m = mutex.new()
m:lock()
print(m:try_lock_for(0.05))
