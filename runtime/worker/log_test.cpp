#include <catch2/catch.hpp>

#include "runtime/worker/worker_fixture.hpp"

namespace perilune::worker {
namespace {

using test::Host;

struct FailedStart {
  std::string code;
  std::string message;
};

FailedStart start(std::string_view source) {
  Host host;
  host.send_configure();
  host.file("init.lua", source);
  host.start();
  host.wait_exit();
  CHECK(host.exit == ExitCode::NotStarted);
  return {host.failed_code, host.failed_message};
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("whatever a top level raises, Failed says what it was", "[worker][log]") {
  const auto table = start("error({secret = 1})");
  CHECK(table.code == "script_error");
  CHECK(contains(table.message, "Main fiber panicked: '(error object is a table value)'"));
  CHECK(contains(table.message, "init.lua:1:"));
  const auto code = start("require('ip').tcp.acceptor.new():listen()");
  CHECK(code.code == "script_error");
  CHECK(contains(code.message, "Main fiber panicked: 'Bad file descriptor'"));
  const auto nothing = start("error(nil)");
  CHECK(contains(nothing.message, "(error object is a nil value)"));
  const auto number = start("error(42)");
  CHECK(contains(number.message, "panicked: 'init.lua:1: 42'"));
  // No address of the worker's memory in what a tenant reads.
  CHECK_FALSE(contains(table.message + code.message + nothing.message, "0x"));
}

TEST_CASE("an error's bytes arrive as they are, at most 16 KiB of them", "[worker][log]") {
  const auto bytes = start("error('\\255\\254 bad \\0 bytes', 0)");
  CHECK(bytes.code == "script_error");
  CHECK(contains(bytes.message, std::string_view{"'\xff\xfe bad \0 bytes'", 15}));
  CHECK(start("error(('x'):rep(20000), 0)").message.size() == 16 * 1024);
  CHECK(start("error(('x'):rep(16000), 0)").message.size() < 16 * 1024);
}

TEST_CASE("a line of 16 KiB is whole, one byte more is cut", "[worker][log]") {
  Host host;
  host.serve("return function(s, q) print(('x'):rep(tonumber(q.target:sub(2)))) end");
  test::Request request;
  request.target = "/16384";
  host.fetch(request);
  request.target = "/16385";
  host.fetch(request);
  REQUIRE(host.logs.size() == 2);
  CHECK(host.logs[0] == std::string(16384, 'x'));
  CHECK(host.logs[1] == std::string(16384, 'x') + "… (cut)");
}

TEST_CASE("an invocation's lines: the sum just fits, one byte more does not", "[worker][log]") {
  Host host;
  host.configure.limits.set(Limit::LogInvocation, 32 * 1024);
  host.serve(
      "return function(s, q) print(('x'):rep(16384)) print(('y'):rep(16384)) "
      "if q.target == '/over' then print('z') end end");
  host.fetch();
  REQUIRE(host.logs.size() == 2);
  CHECK(host.logs[1] == std::string(16384, 'y'));
  test::Request over;
  over.target = "/over";
  host.fetch(over);
  REQUIRE(host.logs.size() == 5);
  CHECK(contains(host.logs[4], "log_invocation"));
}

TEST_CASE("a handler's long error is cut, and its bytes need not be text", "[worker][log]") {
  Host host;
  host.serve(
      "return function(s, q) error(q.target == '/long' and ('x'):rep(40000) or '\\255!', 0) end");
  host.fetch();
  REQUIRE(host.logs.size() == 1);
  CHECK(contains(host.logs[0], "'\xff!'"));
  test::Request request;
  request.target = "/long";
  host.fetch(request);
  REQUIRE(host.logs.size() == 2);
  CHECK(host.logs[1].size() <= 16 * 1024);
  CHECK(host.logs[1].ends_with("[cut]"));
}

TEST_CASE("an app's slice is the timer's", "[worker]") {
  const auto turns = [](std::uint64_t slice) {
    Host host;
    host.configure.limits.set(Limit::Cpu, 300);
    host.configure.limits.set(Limit::Slice, slice);
    host.serve("return function() while true do end end");
    const auto id = host.request();
    int count = 0;
    host.run([&] { return ++count, host.responses[id].done; });
    CHECK(host.responses[id].outcome == Outcome::CpuLimit);
    return count;
  };
  CHECK(turns(100) <= 12);
  CHECK(turns(5) >= 30);
}

}  // namespace
}  // namespace perilune::worker
