#include <catch2/catch.hpp>

#include "tests/integration/apps.hpp"
#include "tests/integration/test_host.hpp"

namespace perilune::test {
namespace {

/// A pair of connected sockets, made by joining a fiber: over the app's own loopback.
constexpr const char* kSocketPair = R"lua(
local ip = require 'ip'

local function socket_pair()
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

return function(sock, req, res)
  local a, b = socket_pair()
  local buffer = byte_span.new(64)
  local sent = a:write_some(byte_span.append('through the pair'))
  local got = b:read_some(buffer)
  a:close()
  b:close()
  res.body = tostring(buffer:slice(1, got)) .. ' ' .. sent
end
)lua";

constexpr const char* kDetached = R"lua(
return function(sock, req, res)
  spawn(function()
    error('foobar')
  end):detach()
  require('sleep_for')(10)
  res.body = 'keeps running'
end
)lua";

constexpr const char* kDrain = R"lua(
return function(sock, req, res)
  while sock.read_state ~= 'finished' do
    sock:read_some(req)
  end
  res.body = #req.body .. ' bytes'
end
)lua";

constexpr const char* kNeverRests = R"lua(
spawn(function() while true do end end):detach()
return function(sock, req, res) res.body = 'here' end
)lua";

std::string logs(const TestHost& host, const std::string& app) {
  return host.api("GET", "/v1/tenants/acme/apps/" + app + "/logs").body;
}

}  // namespace

TEST_CASE("The article's socket pair runs hosted") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("pair", kSocketPair).status == 201);
  for (int i = 0; i < 3; ++i) {
    const Reply reply = host.get("pair");
    INFO(logs(host, "pair"));
    REQUIRE(reply.status == 200);
    REQUIRE(reply.body == "through the pair 16");
  }
}

TEST_CASE("A detached fiber's error goes to the log, and the rest keeps running") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("loose", kDetached).status == 201);
  const Reply reply = host.get("loose");
  REQUIRE(reply.status == 200);
  REQUIRE(reply.body == "keeps running");
  REQUIRE(eventually([&] { return logs(host, "loose").find("foobar") != std::string::npos; }));
  const std::string text = logs(host, "loose");
  INFO(text);
  REQUIRE(text.find("init.lua:4: foobar") != std::string::npos);
  REQUIRE(text.find("stack traceback") != std::string::npos);
  REQUIRE(host.get("loose").status == 200);
}

TEST_CASE("The article's handler drains its request") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("drain", kDrain).status == 201);
  REQUIRE(host.get("drain").body == "0 bytes");
  REQUIRE(host.get("drain", "/", "POST", std::string(300'000, 'x')).body == "300000 bytes");
}

TEST_CASE("Background work that never rests costs its budget, not the app") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("busy", kNeverRests, "[limits]\ncpu_ms = 100\n").status == 201);
  REQUIRE(host.get("busy").body == "here");
  REQUIRE(eventually([&] {
    return logs(host, "busy").find("background work of the app used more CPU than 100 ms") !=
           std::string::npos;
  }));
  REQUIRE(logs(host, "busy").find("init.lua:2: cpu_limit: ") != std::string::npos);
  REQUIRE(host.get("busy").body == "here");
}

TEST_CASE("An error text that is no UTF-8 reaches author and log as valid JSON") {
  NEEDS_HOST();
  TestHost host;
  const Reply refused = host.deploy("bytes", "error('\\255\\254!', 0)");
  INFO(refused.body);
  REQUIRE(refused.status == 422);
  REQUIRE(refused.json().is_object());
  REQUIRE(host.deploy("late", "return function() error('\\255\\254 late', 0) end").status == 201);
  REQUIRE(host.get("late").status == 500);
  REQUIRE(eventually([&] { return logs(host, "late").find(" late") != std::string::npos; }));
  REQUIRE(boost::json::parse(logs(host, "late")).is_object());
}

}  // namespace perilune::test
