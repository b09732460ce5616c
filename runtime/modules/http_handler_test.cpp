#include <catch2/catch.hpp>

#include "runtime/modules/http_module.hpp"
#include "runtime/modules/http_test_gateway.hpp"
#include "runtime/modules/ip_module.hpp"
#include "runtime/modules/virtual_network.hpp"
#include "runtime/vm/vm_fixture.hpp"

using namespace perilune;
using namespace perilune::runtime;
using perilune::runtime::testing::GatewayRecord;
using perilune::runtime::testing::RecordingConnection;
using perilune::runtime::testing::Script;

namespace {

struct App {
  App() { set_network(*script.vm, network); }
  void start(const std::string& source) { REQUIRE(script.run(source).empty()); }
  std::unique_ptr<GatewayConnection> connection(std::string_view target, std::uint8_t flags = 0) {
    record.request("GET", target, flags);
    record.invocation = &invocation;
    return std::make_unique<RecordingConnection>(record);
  }

  GatewayRecord record;
  Invocation invocation{Invocation::Config{}};
  VirtualNetwork network{VirtualNetwork::Config{}};
  Script script{VmConfig{}, {{"ip", open_ip}, {"http", open_http}}};
};

bool done(const Result<void>& result) { return result.has_value(); }

constexpr const char* kLoop = R"lua(
  local ip, http = require 'ip', require 'http'
  local acceptor = ip.tcp.acceptor.new()
  acceptor:open('v4')
  acceptor:set_option('reuse_address', true)
  acceptor:bind(ip.address.loopback_v4(), 8080)
  acceptor:listen()
  spawn(function()
    while true do
      local sock = http.socket.new(acceptor:accept())
      spawn(function()
        local req, res = http.request.new(), http.response.new()
        while true do
          sock:read_request(req)
          res.body = req.method .. ' ' .. req.target
          sock:write_response(res)
        end
      end):detach()
    end
  end):detach()
)lua";

}  // namespace

TEST_CASE("a handler's response is sent when it returns") {
  App app;
  app.start("return function(sock, req, res) res.status = 201 res.body = req.target end");
  std::string ended = "no";
  REQUIRE(done(start_handler(*app.script.vm, app.connection("/made"),
                             [&](const std::string* error) { ended = error ? *error : "yes"; })));
  app.script.finish();
  CHECK(ended == "yes");
  CHECK(app.record.sent == "head 201|body /made|end|");
}

TEST_CASE("a handler that answers itself is left alone, one that fails is reported") {
  App app;
  app.start(R"lua(
    return { http = function(sock, req, res)
      if req.target == '/fail' then error('broken') end
      res.headers['X-Kind'] = 'own'
      sock:write_response_metadata(res)
      res.body = 'piece'
      sock:write(res)
      sock:write_end_of_message()
    end }
  )lua");
  std::string ended = "no";
  const auto on_end = [&](const std::string* error) { ended = error ? *error : "yes"; };
  REQUIRE(done(start_handler(*app.script.vm, app.connection("/"), on_end)));
  app.script.finish();
  CHECK(ended == "yes");
  CHECK(app.record.sent == "head 200 X-Kind=own|body piece|end|");
  app.record = {};
  REQUIRE(done(start_handler(*app.script.vm, app.connection("/fail"), on_end)));
  app.script.finish();
  CHECK(ended.find("broken") != std::string::npos);
  CHECK(app.record.sent.empty());
}

TEST_CASE("a handler's socket carries one request") {
  App app;
  app.start(R"lua(
    return function(sock, req, res)
      sock:write_response(res)
      local ok, e = pcall(sock.read_request, sock, req)
      failed = not ok and tostring(e) or 'no'
      error(failed)
    end
  )lua");
  std::string ended;
  REQUIRE(done(start_handler(*app.script.vm, app.connection("/"),
                             [&](const std::string* error) { ended = error ? *error : "yes"; })));
  app.script.finish();
  CHECK(ended.find("one request") != std::string::npos);
}

TEST_CASE(
    "the seed's loop: accept yields the gateway's connection, idle ones take the next request") {
  App app;
  std::uint16_t port = 0;
  app.network.on_listen = [&](std::uint16_t p) { port = p; };
  CHECK(app.network.deliver(app.connection("/")).error().code == "not_serving");
  app.start(kLoop);
  CHECK(port == 8080);
  CHECK(app.network.listening_port() == 8080);
  int left = 0;
  const auto count = [&](Invocation&) { ++left; };
  app.invocation.on_last_fiber = count;
  REQUIRE(done(app.network.deliver(app.connection("/one"))));
  app.script.finish();
  CHECK(app.record.sent == "head 200|body GET /one|end|");
  CHECK(app.record.idle);
  CHECK(left == 1);
  app.record.sent.clear();
  app.invocation.on_last_fiber = count;
  app.record.request("PUT", "/two");
  app.record.listener->on_request();
  app.script.finish();
  CHECK(app.record.sent == "head 200|body PUT /two|end|");
  CHECK(left == 2);
  CHECK(app.script.host.lines.empty());
}

TEST_CASE("outbound connections are refused by name, ports are the app's own") {
  App app;
  app.start(R"lua(
    local ip = require 'ip'
    local ok, e = pcall(function() ip.tcp.socket.new():connect('192.0.2.1', 80) end)
    assert(not ok and tostring(e):find('no outbound connections'), tostring(e))
    local a, b = ip.tcp.acceptor.new(), ip.tcp.acceptor.new()
    a:open('v4') b:open('v4')
    a:bind(ip.address.loopback_v4(), 0)
    assert(a.local_port == 49152)
    ok, e = pcall(b.bind, b, ip.address.loopback_v4(), 49152)
    assert(not ok and tostring(e) == 'Address already in use', tostring(e))
    a:listen()
    local f = spawn(function()
      local s = ip.tcp.socket.new()
      s:connect(ip.address.loopback_v4(), 49152)
      return s
    end)
    local s = a:accept()
    local c = f:join()
    assert(c.remote_port == 49152 and tostring(s.remote_address) == '127.0.0.1')
  )lua");
}

TEST_CASE("sockets at the limit open, one more does not") {
  auto config = runtime::testing::with(Limit::Sockets, 2);
  Script script{config, {{"ip", open_ip}}};
  VirtualNetwork network{VirtualNetwork::Config{}};
  set_network(*script.vm, network);
  CHECK(script
            .run(R"lua(
    local ip = require 'ip'
    local a, b, c = ip.tcp.acceptor.new(), ip.tcp.acceptor.new(), ip.tcp.acceptor.new()
    a:open('v4') b:open('v6')
    assert(not pcall(c.open, c, 'v4'))
    a:close()
    c:open('v4')
  )lua")
            .empty());
}
