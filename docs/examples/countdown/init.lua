local ip = require 'ip'
local http = require 'http'
local sleep_for = require 'sleep_for'

local acceptor = ip.tcp.acceptor.new()
acceptor:open('v4')
acceptor:set_option('reuse_address', true)
if not pcall(function() acceptor:bind(ip.address.loopback_v4(), 8080) end) then
  acceptor:bind(ip.address.loopback_v4(), 0)
end

print('Listening on ' .. tostring(acceptor.local_address) .. ':' ..
      acceptor.local_port)
acceptor:listen()

while true do
  local sock = http.socket.new(acceptor:accept())
  spawn(function()
    local req = http.request.new()
    local res = http.response.new()

    res.status = 200
    res.reason = 'OK'

    while true do
      sock:read_request(req)
      sock:write_response_continue()

      print(req.method .. ' ' .. req.target)

      while sock.read_state ~= 'finished' do
        req.body = nil --< discard unused data
        sock:read_some(req)
      end

      if sock.is_write_response_native_stream then
        sock:write_response_metadata(res)

        sleep_for(1000)
        res.body = '3...\n'
        sock:write(res)

        sleep_for(1000)
        res.body = '2...\n'
        sock:write(res)

        sleep_for(1000)
        res.body = '1...\n'
        sock:write(res)

        sleep_for(1000)
        res.body = 'Hello World\n'
        sock:write(res)

        sock:write_end_of_message()
      else
        res.body = 'Hello World\n'
        sock:write_response(res)
      end
    end
  end):detach()
end
