-- The seed's socket pair, and what it is good for.
local ip = require 'ip'

function socket_pair()
    local acceptor = ip.tcp.acceptor.new()
    local addr = ip.address.loopback_v4()
    acceptor:open(addr)
    acceptor:bind(addr, 0)
    acceptor:listen()

    local f = spawn(function()
        local sock = ip.tcp.socket.new()
        sock:connect(addr, acceptor.local_port)
        return sock
    end)

    local sock = acceptor:accept()
    acceptor:close()
    return sock, f:join()
end

local a, b = socket_pair()
local buffer = byte_span.new(16)
print(a:write_some('hello'))
local n = b:read_some(buffer)
print(n, tostring(buffer:slice(1, n)))

-- A read that waits, and the end of the stream.
local reader = spawn(function()
    local got = a:read_some(buffer)
    print('woken by', tostring(buffer:slice(1, got)))
    local ok, e = pcall(a.read_some, a, buffer)
    print(ok, tostring(e), tostring(e.category))
end)
this_fiber.yield()
print(b:write_some('back'))
this_fiber.yield()
b:close()
reader:join()

-- cancel() ends a wait with an error of its own.
local c, d = socket_pair()
local waiter = spawn(function()
    local ok, e = pcall(c.read_some, c, buffer)
    print(ok, tostring(e))
end)
this_fiber.yield()
c:cancel()
waiter:join()

-- Nobody listens any more.
local sock = ip.tcp.socket.new()
local probe = ip.tcp.acceptor.new()
probe:open('v4')
probe:bind(ip.address.loopback_v4(), 0)
local port = probe.local_port
probe:close()
local ok, e = pcall(sock.connect, sock, ip.address.loopback_v4(), port)
print(ok, tostring(e))
