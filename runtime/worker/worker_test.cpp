#include <catch2/catch.hpp>

#include "runtime/worker/worker_fixture.hpp"

namespace perilune::worker {
namespace {

using test::Host;
using test::Request;
using test::Response;
using namespace std::chrono_literals;

constexpr const char* kHello = "return function(sock, req, res) res.body = 'hello' end";

/// The seed's shape: an acceptor, a fiber per connection.
constexpr const char* kLoop = R"lua(
local http, ip = require 'http', require 'ip'
local acceptor = ip.tcp.acceptor.new()
acceptor:open('v4')
acceptor:bind(ip.address.any_v4(), 8080)
acceptor:listen()
while true do
  local sock = http.socket.new(acceptor:accept())
  spawn(function()
    while true do
      local req, res = http.request.new(), http.response.new()
      sock:read_request(req)
      while sock.read_state ~= 'finished' do sock:read_some(req) end
      res.status = 200
      res.body = 'loop ' .. req.target
      sock:write_response(res)
    end
  end):detach()
end
)lua";

TEST_CASE("a handler answers, again and again", "[worker]") {
  Host host;
  host.serve(kHello);
  CHECK(host.started.style == link::AppStyle::Handler);
  for (int i = 0; i < 3; ++i) {
    const Response& r = host.fetch();
    CHECK(r.status == 200);
    CHECK(r.body == "hello");
    CHECK(r.outcome == Outcome::Ok);
  }
  host.stop();
  host.wait_exit();
  CHECK(host.exit == ExitCode::Stopped);
}

TEST_CASE("an explicit loop answers over connections that are used again", "[worker]") {
  Host host;
  host.serve(kLoop);
  CHECK(host.started.style == link::AppStyle::Loop);
  CHECK(host.started.port == 8080);
  Request request;
  request.target = "/a";
  CHECK(host.fetch(request).body == "loop /a");
  request.target = "/b";
  CHECK(host.fetch(request).body == "loop /b");
  const auto first = host.request();
  const auto second = host.request();
  CHECK(host.finish(first).outcome == Outcome::Ok);
  CHECK(host.finish(second).outcome == Outcome::Ok);
}

TEST_CASE("a single fiber that accepts again is done with its request", "[worker]") {
  Host host;
  host.serve(R"lua(
local http, ip = require 'http', require 'ip'
local acceptor = ip.tcp.acceptor.new()
acceptor:open('v4')
acceptor:bind(ip.address.any_v4(), 0)
acceptor:listen()
while true do
  local sock = http.socket.new(acceptor:accept())
  local req, res = http.request.new(), http.response.new()
  sock:read_request(req)
  res.status = 200
  res.body = 'one'
  sock:write_response(res)
  sock:close()
end
)lua");
  for (int i = 0; i < 3; ++i) CHECK(host.fetch().outcome == Outcome::Ok);
}

TEST_CASE("an error of the handler ends its request only and is logged", "[worker]") {
  Host host;
  host.serve("return function(sock, req, res) if req.target == '/bad' then error('oops') end end");
  Request bad;
  bad.target = "/bad";
  const Response& r = host.fetch(bad);
  CHECK(r.outcome == Outcome::ScriptError);
  CHECK(r.status == 0);
  CHECK(host.all_logs().find("oops") != std::string::npos);
  CHECK(host.fetch().outcome == Outcome::Ok);
}

TEST_CASE("a request's body arrives in pieces and gives credit back", "[worker]") {
  Host host;
  host.serve(R"lua(
return function(sock, req, res)
  local n = #req.body
  while sock.read_state ~= 'finished' do
    req.body = nil
    sock:read_some(req)
    n = n + #req.body
  end
  res.body = tostring(n)
end)lua");
  Request post;
  post.method = "POST";
  post.flags = link::RequestHead::kHasBody;
  const auto id = host.request(post);
  const std::string piece(16 * 1024, 'x');
  std::size_t sent = 0;
  for (int i = 0; i < 4; ++i, sent += piece.size()) host.body(id, piece, false);
  host.run([&] { return host.responses[id].credit >= 32 * 1024; });
  host.body(id, piece, false);
  host.body(id, "end", true);
  const Response& r = host.finish(id);
  CHECK(r.outcome == Outcome::Ok);
  CHECK(r.body == std::to_string(sent + piece.size() + 3));
}

TEST_CASE("a streamed response waits for credit", "[worker]") {
  Host host;
  host.serve(R"lua(
return function(sock, req, res)
  sock:write_response_metadata(res)
  local piece = string.rep('x', 10000)
  for i = 1, 20 do
    res.body = piece
    sock:write(res)
  end
  sock:write_end_of_message()
end)lua");
  const auto id = host.request();
  host.run([&] { return host.responses[id].body.size() >= link::kInitialCredit; });
  host.run_for(20ms);
  CHECK(host.responses[id].body.size() == link::kInitialCredit);
  CHECK_FALSE(host.responses[id].done);
  std::size_t granted = 0;
  while (!host.responses[id].done) {
    const std::size_t due = host.responses[id].body.size() - granted;
    if (due > 0) {
      host.credit(id, static_cast<std::uint32_t>(due));
      granted += due;
    }
    host.run_for(2ms);
  }
  CHECK(host.responses[id].body.size() == 200'000);
  CHECK(host.responses[id].outcome == Outcome::Ok);
}

TEST_CASE("a canceled request is interrupted and ends", "[worker]") {
  Host host;
  host.serve("local s = require 'sleep_for' return function() s(60000) end");
  const auto id = host.request();
  host.run_for(10ms);
  host.cancel(id);
  CHECK(host.finish(id).outcome == Outcome::Canceled);
}

TEST_CASE("a cancel before the handler ran ends the request, too", "[worker]") {
  Host host;
  host.serve(kHello);
  const auto id = host.request();
  host.cancel(id);
  const auto outcome = host.finish(id).outcome;
  CHECK((outcome == Outcome::Canceled || outcome == Outcome::Ok));
}

TEST_CASE("a request that takes too long ends with wall_limit", "[worker]") {
  Host host;
  host.serve("local s = require 'sleep_for' return function() s(60000) end");
  Request request;
  request.wall_ms = 30;
  CHECK(host.fetch(request).outcome == Outcome::WallLimit);
}

TEST_CASE("a request that spins ends with cpu_limit while pings are answered", "[worker]") {
  Host host;
  host.configure.limits.set(Limit::Cpu, 100);
  host.serve("return function(s, q, r) if q.target == '/spin' then while true do end end end");
  Request request;
  request.target = "/spin";
  const auto id = host.request(request);
  host.run_for(20ms);
  host.ping(7);
  host.run([&] { return !host.pongs.empty(); }, 1s);
  CHECK_FALSE(host.responses[id].done);
  CHECK(host.pongs[0].running == 1);
  const Response& r = host.finish(id);
  CHECK(r.outcome == Outcome::CpuLimit);
  CHECK(r.cpu_us >= 90'000);
  CHECK(host.fetch().outcome == Outcome::Ok);
}

TEST_CASE("a request beyond the memory limit ends, the next one works", "[worker]") {
  Host host;
  host.configure.limits.set(Limit::Memory, 8U << 20U);
  host.serve(R"lua(return function(sock, req, res)
    if req.target == '/big' then
      local t = {}
      for i = 1, 1e9 do t[i] = ('x'):rep(1000) .. i end
    end
  end)lua");
  Request request;
  request.target = "/big";
  CHECK(host.fetch(request).outcome == Outcome::MemoryLimit);
  CHECK(host.fetch().outcome == Outcome::Ok);
}

TEST_CASE("concurrency has some slack, then it is a violation", "[worker]") {
  Host host;
  host.configure.limits.set(Limit::Concurrency, 2);
  host.serve("local s = require 'sleep_for' return function() s(60000) end");
  for (std::size_t i = 0; i < 2 + Gateway::kSlack; ++i) host.request();
  host.run_for(20ms);
  CHECK_FALSE(host.exit);
  host.request();
  host.wait_exit();
  CHECK(host.exit == ExitCode::ProtocolViolation);
}

TEST_CASE("log lines are records; too many are counted and announced", "[worker]") {
  Host host;
  host.configure.limits.set(Limit::LogBurst, 5);
  host.configure.limits.set(Limit::LogRate, 1);
  host.serve("return function(sock, req, res) for i = 1, 20 do print('line', i) end end");
  CHECK(host.fetch().outcome == Outcome::Ok);
  CHECK(host.logs.size() == 5);
  host.run_for(1100ms);
  host.fetch();
  CHECK(host.dropped >= 14);
}

TEST_CASE("an app that does not serve fails its start with a reason", "[worker]") {
  struct Case {
    const char* source;
    const char* code;
  };
  const std::vector<Case> cases{{"error('no')", "script_error"},
                                {"local x = = 1", "script_error"},
                                {"local x = 1", "not_serving"},
                                {"while true do end", "cpu_limit"},
                                {"require 'sleep_for'(60000)", "wall_limit"}};
  for (const Case& c : cases) {
    INFO(c.source);
    Host host;
    host.configure.limits.set(Limit::StartupCpu, 50);
    host.configure.limits.set(Limit::StartupWall, 300);
    host.send_configure();
    host.file("init.lua", c.source);
    host.start();
    CHECK(host.failed_code == c.code);
    CHECK_FALSE(host.failed_message.empty());
    host.wait_exit();
    CHECK(host.exit == ExitCode::NotStarted);
  }
}

TEST_CASE("a host that breaks the protocol loses its worker", "[worker]") {
  Host host;
  SECTION("a request before the start") {
    host.request();
    host.wait_exit();
    CHECK(host.exit == ExitCode::ProtocolViolation);
  }
  SECTION("the JIT in a worker without") {
    host.configure.jit = true;
    host.send_configure();
    host.wait_exit();
    CHECK(host.exit == ExitCode::ProtocolViolation);
  }
  SECTION("an unknown stream") {
    host.serve(kHello);
    host.raw_requests().add(link::FrameType::Cancel, 99, {});
    host.wait_exit();
    CHECK(host.exit == ExitCode::ProtocolViolation);
  }
}

TEST_CASE("a cleanup handler that fails ends the worker, and its requests with it", "[worker]") {
  Host host;
  host.serve("return function() scope_cleanup_push(function() error('broken') end) end");
  const auto id = host.request();
  host.wait_exit();
  CHECK(host.exit == ExitCode::AppEnded);
  CHECK(host.responses[id].outcome == Outcome::ScriptError);
}

TEST_CASE("Stop lets running requests finish", "[worker]") {
  Host host;
  host.serve("local s = require 'sleep_for' return function(k, q, r) s(50) r.body = 'late' end");
  const auto id = host.request();
  host.run_for(10ms);
  host.stop();
  CHECK(host.finish(id).body == "late");
  host.wait_exit();
  CHECK(host.exit == ExitCode::Stopped);
}

}  // namespace
}  // namespace perilune::worker
