-- Client and server over real sockets: keep-alive, pipelining, HEAD, trailers, unread bodies, errors.
local ip = require 'ip'
local http = require 'http'

local acceptor = ip.tcp.acceptor.new()
acceptor:open('v4')
acceptor:bind(ip.address.loopback_v4(), 0)
acceptor:listen()

local server = spawn(function()
  local sock = http.socket.new(acceptor:accept())
  local req, res = http.request.new(), http.response.new()
  local served = 0
  while true do
    local ok, e = pcall(sock.read_request, sock, req)
    if not ok then return served, tostring(e) end
    served = served + 1
    res = http.response.new()
    if req.target == '/echo' then
      while sock.read_state ~= 'finished' do sock:read_some(req) end
      res.body = req.body .. '|' .. tostring(req.trailers['X-Sum'])
      sock:write_response(res)
    elseif req.target == '/stream' then
      sock:write_response_metadata(res)
      for i = 1, 3 do res.body = 'piece ' .. i .. '\n' sock:write(res) end
      res.trailers['x-sum'] = '3'
      sock:write_trailers(res)
    else
      res.body = req.method .. ' ' .. req.target
      sock:write_response(res)
    end
  end
end)

local tcp = ip.tcp.socket.new()
tcp:connect(ip.address.loopback_v4(), acceptor.local_port)
local sock = http.socket.new(tcp)
local req, res = http.request.new(), http.response.new()

local function ask(method, target, body)
  req.method, req.target, req.body = method, target, body
  sock:write_request(req)
end
local function answer()
  sock:read_response(res)
  while sock.read_state ~= 'empty' do sock:read_some(res) end
  print(res.status, res.reason, res.headers['content-length'], table.concat({(res.body:gsub("\n", ","))}), res.trailers['x-sum'])
end

ask('GET', '/a') answer()
ask('GET', '/b') ask('HEAD', '/c') ask('GET', '/stream')
answer() answer() answer()
ask('POST', '/unread', ('x'):rep(100000)) answer()
ask('POST', '/echo', 'hello') answer()

req.method, req.target = 'PUT', '/echo'
sock:write_request_metadata(req)
req.body = 'one ' sock:write(req)
req.body = 'two' sock:write(req)
req.trailers = {['x-sum'] = '7'}
sock:write_trailers(req)
answer()

print(pcall(sock.write_response, sock, res))
req.headers['x-bad'] = 'a\r\nb: c'
print(pcall(sock.write_request, sock, req))
print(pcall(sock.read_response, sock, res))
sock:close()
print(server:join())
