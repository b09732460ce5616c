// The live dump of a hosted app's fibers.
#include <catch2/catch.hpp>
#include <csignal>
#include <thread>

#include "tests/integration/apps.hpp"
#include "tests/integration/test_host.hpp"

namespace perilune::test {
namespace {

using namespace std::chrono_literals;

const char* const kHolds = R"lua(
local mutex, sleep_for = require 'mutex', require 'sleep_for'
local m = mutex.new()
return function(sock, req, res)
  if req.target == '/hold' then m:lock() sleep_for(1500) m:unlock() end
  if req.target == '/wait' then m:lock() m:unlock() end
  if req.target == '/spin' then
    local t = os.clock()
    while os.clock() - t < 0.15 do end
  end
  res.body = 'done'
end
)lua";

const boost::json::object* waiting_in(const boost::json::value& dump, const char* operation) {
  for (const auto& fiber : dump.at("fibers").as_array()) {
    const auto* waits = fiber.as_object().if_contains("waits");
    if (waits != nullptr && waits->at("operation").as_string() == operation)
      return &fiber.as_object();
  }
  return nullptr;
}

}  // namespace

TEST_CASE("A request that waits for a mutex is shown with who holds it") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("holds", kHolds).status == 201);
  REQUIRE(host.get("holds").body == "done");
  Reply waited;
  std::thread holder{[&] { (void)host.get("holds", "/hold"); }};
  std::this_thread::sleep_for(100ms);
  std::thread waiter{[&] { waited = host.get("holds", "/wait"); }};
  std::this_thread::sleep_for(100ms);
  const std::string app = "/v1/tenants/acme/apps/holds";
  const auto vms = host.api("GET", app + "/vms").json();
  REQUIRE(vms.at("items").as_array().size() == 1);
  CHECK(vms.at("items").at(0).at("state").as_string() == "running");
  const std::string path =
      app + "/vms/" + vms.at("items").at(0).at("id").as_string().c_str() + "/fibers";
  const Reply reply = host.api("GET", path);
  INFO(reply.body);
  REQUIRE(reply.status == 200);
  const auto dump = reply.json();
  const auto* fiber = waiting_in(dump, "mutex:lock");
  const auto* owner = waiting_in(dump, "sleep_for");
  REQUIRE(fiber != nullptr);
  REQUIRE(owner != nullptr);
  CHECK(fiber->at("waits").at("holder").as_string() == owner->at("id").as_string());
  CHECK(fiber->at("waits").at("for_fibers").as_bool());
  CHECK(fiber->at("waits").at("age_ms").to_number<double>() > 10);
  CHECK(fiber->at("where").as_string() == "init.lua:6");
  CHECK(fiber->at("state").as_string() == "suspended");
  const std::string shown = host.command("fibers --app acme/holds");
  INFO(shown);
  CHECK(shown.find("suspended in mutex:lock, mutex 0x1, locked by fiber ") != std::string::npos);
  CHECK(shown.find("\tinit.lua:6: in function") != std::string::npos);
  holder.join();
  waiter.join();
  CHECK(waited.body == "done");
  CHECK(std::string{fiber->at("request_id").as_string().c_str()} ==
        waited.headers.at("perilune-request-id"));
  CHECK(host.api("GET", app + "/vms/999.1/fibers").status == 404);
}

TEST_CASE("A busy VM is dumped between two slices; a stopped one is 504") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("holds", kHolds).status == 201);
  REQUIRE(host.get("holds").body == "done");
  const std::string app = "/v1/tenants/acme/apps/holds";
  const auto vms = host.api("GET", app + "/vms").json();
  const std::string path =
      app + "/vms/" + vms.at("items").at(0).at("id").as_string().c_str() + "/fibers";
  std::thread spinner{[&] { (void)host.get("holds", "/spin"); }};
  bool running = false;
  for (int i = 0; i < 50 && !running; ++i) {
    const Reply reply = host.api("GET", path);
    REQUIRE(reply.status == 200);
    running = reply.body.find("\"state\":\"running\"") != std::string::npos &&
              reply.body.find("init.lua:9") != std::string::npos;
  }
  CHECK(running);
  spinner.join();
  const pid_t worker = host.worker("holds");
  REQUIRE(::kill(worker, SIGSTOP) == 0);
  const Reply silent = host.api("GET", path);
  CHECK(::kill(worker, SIGCONT) == 0);
  CHECK(silent.status == 504);
  CHECK(silent.body.find("not_answering") != std::string::npos);
  CHECK(eventually([&] { return host.api("GET", path).status == 200; }));
}

}  // namespace perilune::test
