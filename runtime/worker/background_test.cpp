#include <catch2/catch.hpp>

#include "runtime/worker/background_budget.hpp"
#include "runtime/worker/worker_fixture.hpp"

namespace perilune::worker {
namespace {

using test::Host;
using test::Request;
using test::Response;
using namespace std::chrono_literals;
using Clock = BackgroundBudget::Clock;

constexpr const char* kNamed = "background work of the app used more CPU";

bool has(const Host& host, std::string_view text) {
  return host.all_logs().find(text) != std::string::npos;
}

Host& small(Host& host) {
  host.configure.limits.set(Limit::Cpu, 50);
  host.configure.limits.set(Limit::CpuHard, 100);
  return host;
}

TEST_CASE("a tenth of the time comes back, and nothing below zero", "[background]") {
  runtime::Invocation background{{}};
  BackgroundBudget budget{background};
  const Clock::time_point start{1h};
  background.charge(5s);
  budget.begin(200ms, 250ms, start);
  CHECK(background.cpu() == 0ns);
  background.charge(199ms);
  budget.refill(start + 989ms, 0);
  CHECK(background.cpu() == 100'100us);
  budget.refill(start + 990ms, 0);
  CHECK(background.cpu() == 100ms);
  budget.refill(start + 1990ms, 0);
  CHECK(background.cpu() == 0ns);
  budget.refill(start + 60s, 0);
  CHECK(background.cpu() == 0ns);
}

TEST_CASE("each request that the app's loop takes gives something back", "[background]") {
  runtime::Invocation background{{}};
  BackgroundBudget budget{background};
  const Clock::time_point start{1h};
  budget.begin(200ms, 250ms, start);
  background.charge(10ms);
  budget.refill(start, 99);
  CHECK(background.cpu() == 100us);
  budget.refill(start, 1);
  CHECK(background.cpu() == 0ns);
}

TEST_CASE("background work that never rests ends, and the app goes on", "[background]") {
  Host host;
  small(host).serve(
      "spawn(function() while true do end end):detach()\n"
      "return function(sock, req, res) res.body = 'here' end");
  host.run([&] { return has(host, kNamed); });
  CHECK(has(host, "init.lua:1: cpu_limit: "));
  CHECK(host.fetch().body == "here");
  host.ping(1);
  host.run([&] { return !host.pongs.empty(); });
  CHECK(host.pongs[0].fibers == 0);
  CHECK_FALSE(host.exit);
}

TEST_CASE("background work that swallows the error ends too", "[background]") {
  Host host;
  small(host).serve(
      "spawn(function() while true do pcall(function() while true do end end) end end):detach()\n"
      "return function(sock, req, res) res.body = 'here' end");
  host.run([&] { return has(host, kNamed); });
  host.run_for(50ms);
  std::uint64_t token = 0;
  host.run([&] {
    if (host.pongs.size() == token) host.ping(++token);
    return !host.pongs.empty() && host.pongs.back().fibers == 0;
  });
  CHECK(host.fetch().body == "here");
}

TEST_CASE("an accept loop that spins ends its app", "[background]") {
  Host host;
  small(host).serve(R"lua(
local ip = require 'ip'
local acceptor = ip.tcp.acceptor.new()
acceptor:open('v4')
acceptor:bind(ip.address.any_v4(), 0)
acceptor:listen()
local sock = acceptor:accept()
acceptor:close()
while true do pcall(acceptor.accept, acceptor) end
)lua");
  const auto id = host.request();
  host.wait_exit();
  CHECK(host.exit == ExitCode::AppEnded);
  CHECK(has(host, kNamed));
  CHECK(has(host, "cpu_limit"));
  CHECK(host.responses[id].outcome == Outcome::ScriptError);
}

TEST_CASE("a loop whose main fiber fails ends its app", "[background]") {
  Host host;
  host.serve(R"lua(
local http, ip = require 'http', require 'ip'
local acceptor = ip.tcp.acceptor.new()
acceptor:open('v4')
acceptor:bind(ip.address.any_v4(), 0)
acceptor:listen()
local sock = acceptor:accept()
error('out of ideas')
)lua");
  host.request();
  host.wait_exit();
  CHECK(host.exit == ExitCode::AppEnded);
  CHECK(has(host, "init.lua:8: out of ideas"));
}

#if !defined(PERILUNE_SANITIZED)
TEST_CASE("taking requests is no background work", "[background]") {
  Host host;
  host.configure.limits.set(Limit::Cpu, 5);
  host.serve(R"lua(
local http, ip = require 'http', require 'ip'
local acceptor = ip.tcp.acceptor.new()
acceptor:open('v4')
acceptor:bind(ip.address.any_v4(), 0)
acceptor:listen()
while true do
  local sock = http.socket.new(acceptor:accept())
  spawn(function()
    local req, res = http.request.new(), http.response.new()
    sock:read_request(req)
    res.status = 200
    sock:write_response(res)
    sock:close()
  end):detach()
end
)lua");
  for (int i = 0; i < 1000; ++i) REQUIRE(host.fetch().outcome == Outcome::Ok);
  CHECK_FALSE(has(host, kNamed));
}
#endif

TEST_CASE("outside of requests there is no request", "[background]") {
  Host host;
  host.serve(R"lua(
local perilune = require 'perilune'
print('start', perilune.request(), (pcall(perilune.defer, print)))
spawn(function()
  require('sleep_for')(5)
  print('later', perilune.request(), (pcall(perilune.defer, print)))
end):detach()
return function() print('request', type(perilune.request())) end)lua");
  host.run([&] { return has(host, "later"); });
  CHECK(has(host, "start\tnil\tfalse"));
  CHECK(has(host, "later\tnil\tfalse"));
  host.fetch();
  CHECK(has(host, "request\ttable"));
}

TEST_CASE("the background may log for ever", "[background]") {
  Host host;
  host.configure.limits.set(Limit::LogInvocation, 10);
  host.serve(
      "local sleep_for = require 'sleep_for'\n"
      "spawn(function() sleep_for(5) for i = 1, 5 do print('tick', i) end end):detach()\n"
      "return function() end");
  host.run([&] { return has(host, "tick\t5"); });
}

// -- what requests leave behind -------------------------------------------------------------------

TEST_CASE("a fiber that a request left behind does not hold its Done", "[background]") {
  Host host;
  host.serve(R"lua(
local sleep_for = require 'sleep_for'
return function(sock, req, res)
  spawn(function() sleep_for(60000) end):detach()
  res.body = 'sent'
end)lua");
  Request request;
  request.wall_ms = 300;
  const Response& r = host.fetch(request);
  CHECK(r.outcome == Outcome::Ok);
  CHECK(r.body == "sent");
  host.ping(1);
  host.run([&] { return host.pongs.size() == 1; });
  CHECK(host.pongs[0].running == 0);
  // It has the request's time, and not more.
  host.run([&] { return has(host, "wall_limit: fibers that the request left behind"); });
  host.ping(2);
  host.run([&] { return host.pongs.size() == 2; });
  CHECK(host.pongs[1].fibers == 0);
  CHECK(host.fetch(request).outcome == Outcome::Ok);
}

TEST_CASE("a fiber left behind has the request's CPU, and not more", "[background]") {
  Host host;
  small(host).serve(R"lua(
local sleep_for = require 'sleep_for'
return function(sock, req, res)
  spawn(function() sleep_for(1) while true do end end):detach()
end)lua");
  CHECK(host.fetch().outcome == Outcome::Ok);
  host.run([&] { return has(host, "cpu_limit: fibers that the request left behind"); });
  CHECK_FALSE(host.exit);
}

TEST_CASE("fibers left behind share the background's budget", "[background]") {
  Host host;
  host.configure.limits.set(Limit::Cpu, 200);
  host.serve(R"lua(
local sleep_for = require 'sleep_for'
return function(sock, req, res)
  spawn(function() sleep_for(50) while true do end end):detach()
end)lua");
  // Each alone could burn 200 ms; all of them together may, too, and a tenth of the time.
  const auto start = Clock::now();
  const auto before = runtime::thread_cpu();
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 10; ++i) ids.push_back(host.request());
  for (const auto id : ids) CHECK(host.finish(id).outcome == Outcome::Ok);
  std::uint64_t token = 0;
  host.run(
      [&] {
        if (host.pongs.size() == token) host.ping(++token);
        return !host.pongs.empty() && host.pongs.back().fibers == 0;
      },
      60s);
  const auto used = runtime::thread_cpu() - before;
  CHECK(used < 700ms + (Clock::now() - start) / 5);
  CHECK(has(host, "cpu_limit: fibers that the request left behind"));
}

TEST_CASE("a response that another fiber completes is waited for", "[background]") {
  Host host;
  host.serve(R"lua(
local sleep_for = require 'sleep_for'
return function(sock, req, res)
  sock:write_response_metadata(res)
  spawn(function()
    sleep_for(20)
    res.body = 'late'
    sock:write(res)
    sock:write_end_of_message()
    sleep_for(60000)
  end):detach()
end)lua");
  const Response& r = host.fetch();
  CHECK(r.outcome == Outcome::Ok);
  CHECK(r.body == "late");
}

TEST_CASE("what is deferred runs before Done although fibers are left", "[background]") {
  Host host;
  host.serve(R"lua(
local perilune, sleep_for = require 'perilune', require 'sleep_for'
return function(sock, req, res)
  spawn(function()
    sleep_for(40)
    perilune.defer(function() print('deferred late') end)
  end):detach()
  perilune.defer(function() sleep_for(5) print('deferred') end)
end)lua");
  CHECK(host.fetch().outcome == Outcome::Ok);
  CHECK(has(host, "deferred"));
  host.run([&] { return has(host, "deferred late"); });
}

TEST_CASE("Stop waits for what requests left behind", "[background]") {
  Host host;
  host.serve(R"lua(
local sleep_for = require 'sleep_for'
return function(sock, req, res)
  spawn(function() sleep_for(50) print('swept') end):detach()
end)lua");
  CHECK(host.fetch().outcome == Outcome::Ok);
  host.stop();
  host.wait_exit();
  CHECK(host.exit == ExitCode::Stopped);
  CHECK(has(host, "swept"));
}

}  // namespace
}  // namespace perilune::worker
