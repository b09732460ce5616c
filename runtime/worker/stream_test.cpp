#include <catch2/catch.hpp>

#include "runtime/worker/worker_fixture.hpp"

namespace perilune::worker {
namespace {

using test::Host;
using test::Request;
using test::Response;
using namespace std::chrono_literals;

TEST_CASE("a table with an http function is a handler", "[worker]") {
  Host host;
  host.serve("return { http = function(sock, req, res) res.body = 'table' end }");
  CHECK(host.fetch().body == "table");
}

TEST_CASE("a response to HEAD states its length and has no body", "[worker]") {
  Host host;
  host.serve("return function(sock, req, res) res.body = 'hello' end");
  Request head;
  head.method = "HEAD";
  head.flags = link::RequestHead::kHead;
  const Response& r = host.fetch(head);
  CHECK(r.outcome == Outcome::Ok);
  CHECK(r.body.empty());
}

TEST_CASE("Continue and trailers get through", "[worker]") {
  Host host;
  host.serve(R"lua(
return function(sock, req, res)
  if require('http').request.continue_required(req) then sock:write_response_continue() end
  while sock.read_state ~= 'finished' do sock:read_some(req) end
  sock:write_response_metadata(res)
  res.trailers['x-sum'] = 'abc'
  sock:write_trailers(res)
end)lua");
  Request post;
  post.method = "POST";
  post.headers = {{"expect", "100-continue"}};
  post.flags = link::RequestHead::kHasBody | link::RequestHead::kExpectContinue;
  const auto id = host.request(post);
  host.run([&] { return host.responses[id].continued; });
  host.body(id, "x", true);
  const Response& r = host.finish(id);
  INFO(host.all_logs());
  CHECK(r.outcome == Outcome::Ok);
  CHECK(r.trailers.at("x-sum") == "abc");
}

TEST_CASE("what perilune.defer collected runs after the response and is counted", "[worker]") {
  Host host;
  host.serve(R"lua(
local perilune = require 'perilune'
return function(sock, req, res)
  perilune.defer(function() print('deferred') end)
  res.body = 'first'
end)lua");
  const Response& r = host.fetch();
  CHECK(r.outcome == Outcome::Ok);
  CHECK(r.body == "first");
  CHECK(host.all_logs().find("deferred") != std::string::npos);
}

TEST_CASE("a request that nobody answers says so in the log", "[worker]") {
  Host host;
  host.serve(R"lua(
local http, ip = require 'http', require 'ip'
local acceptor = ip.tcp.acceptor.new()
acceptor:open('v4')
acceptor:bind(ip.address.any_v4(), 0)
acceptor:listen()
while true do
  local sock = http.socket.new(acceptor:accept())
  sock:close()
end)lua");
  CHECK(host.fetch().outcome == Outcome::ScriptError);
  CHECK(host.all_logs().find("without a response") != std::string::npos);
}

TEST_CASE("code that swallows the limit error ends within the hard limit", "[worker]") {
  Host host;
  host.configure.limits.set(Limit::Cpu, 50);
  host.configure.limits.set(Limit::CpuHard, 50);
  host.serve(R"lua(return function()
    while true do pcall(function() while true do end end) end
  end)lua");
  const auto id = host.request();
  host.run([&] { return host.responses[id].done || host.exit; });
  CHECK(host.responses[id].outcome == Outcome::CpuLimit);
  CHECK(host.responses[id].cpu_us < 1'000'000);
  if (host.exit) CHECK(host.exit == ExitCode::CpuHard);
}

TEST_CASE("lines are cut at their limit, and a request's lines at their sum", "[worker]") {
  Host host;
  host.configure.limits.set(Limit::LogLine, 100);
  host.configure.limits.set(Limit::LogInvocation, 250);
  host.serve(
      "return function() for i = 1, 3 do print(('x'):rep(100)) end print(('y'):rep(51)) "
      "end");
  host.fetch();
  REQUIRE(host.logs.size() == 3);
  CHECK(host.logs[1] == std::string(100, 'x'));
  CHECK(host.logs[2].find("log_invocation") != std::string::npos);
  Host longer;
  longer.configure.limits.set(Limit::LogLine, 100);
  longer.serve("return function() print(('x'):rep(101)) end");
  longer.fetch();
  REQUIRE(longer.logs.size() == 1);
  CHECK(longer.logs[0].starts_with(std::string(100, 'x')));
  CHECK(longer.logs[0][100] != 'x');
}

TEST_CASE("the environment of many frames arrives", "[worker]") {
  Host host;
  host.configure.env = {{"A", "1"}};
  host.send_configure();
  link::encode_headers({{"B", "2"}}, host.raw_control().begin_frame(link::FrameType::Env, 0));
  host.raw_control().finish_frame();
  host.file(
      "init.lua",
      "local p = require 'perilune' return function(s, q, r) r.body = p.env.A .. p.env.B end");
  host.start();
  INFO(host.failed_message);
  CHECK(host.fetch().body == "12");
}

TEST_CASE("many requests at once are all answered", "[worker]") {
  Host host;
  host.serve("local s = require 'sleep_for' return function(k, q, r) s(1) r.body = q.target end");
  for (int i = 0; i < 100; ++i) {
    Request request;
    request.target = "/" + std::to_string(i);
    host.request(request);
  }
  for (std::uint32_t id = 1; id <= 100; ++id)
    CHECK(host.finish(id).body == "/" + std::to_string(id - 1));
}

}  // namespace
}  // namespace perilune::worker
