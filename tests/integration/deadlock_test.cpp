// Deadlocks in hosted apps: the request ends with 500 `deadlock` at once, and the log says why.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "tests/integration/apps.hpp"
#include "tests/integration/test_host.hpp"

namespace perilune::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// What each target does.
const char* const kLocks = R"lua(
local mutex, future, sleep_for = require 'mutex', require 'future', require 'sleep_for'
local a, b = mutex.new(), mutex.new()
local gate = mutex.new()
local both = 0

local function crossed(first, second)
  first:lock()
  both = both + 1
  while both < 2 do this_fiber.yield() sleep_for(1) end
  local ok, e = pcall(second.lock, second)
  first:unlock()
  both = 0
  if not ok then error(e) end
  second:unlock()
end

return function(sock, req, res)
  local target = req.target
  if target == '/ab' then crossed(a, b) end
  if target == '/ba' then crossed(b, a) end
  if target == '/self' then local m = mutex.new() m:lock() m:lock() end
  if target == '/future' then local p, f = future.new() f:get() log.info(tostring(p)) end
  if target == '/child' then
    spawn(function() local m = mutex.new() m:lock() m:lock() end):join()
  end
  if target == '/caught' then
    local m = mutex.new()
    m:lock()
    local ok, e = pcall(m.lock, m)
    res.body = tostring(e.code)
    return
  end
  if target == '/close' then gate:lock() end
  if target == '/wait' then gate:lock() end
  if target == '/open' then gate:unlock() end
  res.body = 'fine'
end
)lua";

bool is_deadlock(const Reply& reply) {
  return reply.status == 500 && reply.headers.at("perilune-error") == "deadlock";
}

}  // namespace

TEST_CASE("A request in a deadlock gets 500 deadlock soon, with the graph in the log") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("locks", kLocks).status == 201);
  REQUIRE(host.get("locks").body == "fine");
  for (const char* target : {"/self", "/future", "/child"}) {
    INFO(target);
    std::chrono::milliseconds best = 10s;
    for (int i = 0; i < 3; ++i) {
      const auto began = Clock::now();
      const Reply reply = host.get("locks", target);
      best = std::min(best,
                      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began));
      INFO(reply.status << " " << reply.body << host.log());
      CHECK(is_deadlock(reply));
    }
    WARN(target << ": " << best.count() << " ms from the request to the answer");
    CHECK(best < 500ms);
  }
  CHECK(host.get("locks", "/caught").body == "6");
  CHECK(host.get("locks").body == "fine");
  CHECK(eventually([&] {
    const std::string log = host.log();
    return log.find("Deadlock: a fiber waits for itself") != std::string::npos &&
           log.find("mutex:lock at init.lua:22") != std::string::npos;
  }));
  CHECK(eventually([&] {
    return host.metric(
               R"(perilune_requests_total{tenant="acme",app="locks",outcome="deadlock"})") == 9;
  }));
  CHECK(host.stop() == 0);
}

TEST_CASE("Two requests that lock in opposite order end with deadlock; others are served") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("locks", kLocks).status == 201);
  REQUIRE(host.get("locks").body == "fine");
  Reply one;
  const auto began = Clock::now();
  std::thread other{[&] { one = host.get("locks", "/ab"); }};
  const Reply two = host.get("locks", "/ba");
  other.join();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began);
  WARN("opposite order: " << took.count() << " ms");
  INFO(one.status << " " << two.status << host.log());
  CHECK(is_deadlock(one));
  CHECK(is_deadlock(two));
  CHECK(took < 2s);
  CHECK(host.get("locks").body == "fine");
  CHECK(host.log().find("Deadlock: 2 fibers wait for each other") != std::string::npos);
}

TEST_CASE("A request that waits for what another request may do is left alone") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("locks", kLocks).status == 201);
  REQUIRE(host.get("locks", "/close").body == "fine");
  Reply waiting;
  std::thread other{[&] { waiting = host.get("locks", "/wait"); }};
  std::this_thread::sleep_for(300ms);
  CHECK(host.get("locks", "/open").body == "fine");
  other.join();
  CHECK(waiting.body == "fine");
  CHECK(host.log().find("eadlock") == std::string::npos);
}

}  // namespace perilune::test
