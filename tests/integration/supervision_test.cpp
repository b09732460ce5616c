// What the supervisor does when memory, places or whole processes run out; several gateway threads.
#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "tests/integration/apps.hpp"
#include "tests/integration/test_host.hpp"

namespace perilune::test {
namespace {

using namespace std::chrono_literals;

const char* const kSlow =
    "local sleep_for = require 'sleep_for'\n"
    "return function(sock, req, res) sleep_for(3000) res.body = 'done' end\n";

/// Keeps what it makes; asked for /small it makes nothing.
const char* const kKeeps =
    "local kept = {}\n"
    "return function(sock, req, res)\n"
    "  if req.target ~= '/small' then for i = 1, 45 do kept[i] = ('x'):rep(1048576) .. i end end\n"
    "  res.body = 'kept'\n"
    "end\n";

/// Goes on for a while after its response.
const char* const kBackground =
    "return function(sock, req, res)\n"
    "  spawn(function() local n = 0 for i = 1, 2e7 do n = n + i % 7 end end):detach()\n"
    "  res.body = 'answered'\n"
    "end\n";

}  // namespace

TEST_CASE("Two gateway threads share apps, survive a worker's death and drain together") {
  NEEDS_HOST();
  TestHost host{{"--threads", "2"}};
  REQUIRE(host.deploy("shop", says("v0")).status == 201);
  std::atomic<bool> stop{false};
  std::atomic<int> good{0};
  std::atomic<int> bad{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&] {
      while (!stop) {
        const Reply reply = host.get("shop");
        ++(reply.status == 200 && reply.body.starts_with("v") ? good : bad);
      }
    });
  }
  for (int i = 1; i <= 3; ++i) {
    CHECK(host.deploy("shop", says("v" + std::to_string(i))).status == 201);
    // Both threads have the new route: connections go to either.
    for (int k = 0; k < 8; ++k) CHECK(host.get("shop").body == "v" + std::to_string(i));
  }
  const pid_t worker = host.worker("shop");
  CHECK(::kill(worker, SIGKILL) == 0);  // GET is tried once more on the next worker
  CHECK(eventually([&] { return host.worker("shop") != worker && host.worker("shop") > 0; }));
  stop = true;
  for (std::thread& client : clients) client.join();
  CHECK(bad == 0);
  CHECK(good > 10);
  CHECK(host.stop() == 0);
}

TEST_CASE("The request id in the log is the one in the response's header") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("logs",
                      "return function(sock, req, res)\n"
                      "  log.info('seen', {user = 'ann', tries = 2})\n"
                      "  print('plain')\n"
                      "  res.body = 'x'\n"
                      "end\n")
              .status == 201);
  const Reply reply = host.get("logs");
  REQUIRE(reply.status == 200);
  const std::string id = reply.headers.at("perilune-request-id");
  REQUIRE(id.size() == 32);
  REQUIRE(eventually([&] {
    return host.api("GET", "/v1/tenants/acme/apps/logs/logs?request_id=" + id).body.find("seen") !=
           std::string::npos;
  }));
  int lines = 0;
  std::istringstream log{host.log()};
  for (std::string text; std::getline(log, text);) {
    if (text.starts_with("==")) continue;  // a sanitizer's word about itself
    const auto line = boost::json::parse(text).as_object();
    const auto& message = line.at("msg").as_string();
    if (message != "seen" && message != "plain") continue;
    ++lines;
    CHECK(line.at("request_id").as_string() == id);
    CHECK(line.at("tenant").as_string() == "acme");
    CHECK(line.at("app").as_string() == "logs");
    CHECK(line.contains("fields") == (message == "seen"));
    if (message == "seen") CHECK(line.at("fields").at("tries").to_number<int>() == 2);
  }
  CHECK(lines == 2);
}

TEST_CASE("A worker with more memory than worker_memory dies of it, and the next one serves") {
  NEEDS_HOST();
  TestHost host;
  const Reply deployed =
      host.deploy("keeps", kKeeps, "[limits]\nmemory = \"64MiB\"\nworker_memory = \"16MiB\"\n");
  INFO(deployed.body);
  REQUIRE(deployed.status == 201);
  REQUIRE(host.get("keeps", "/small").body == "kept");
  const pid_t worker = host.worker("keeps");
  const Reply reply = host.get("keeps", "/much", "POST");
  INFO(reply.status << " " << reply.body << host.log());
  CHECK(reply.status >= 500);
  CHECK(eventually([&] { return host.get("keeps", "/small").body == "kept"; }));
  if (host.worker("keeps") == worker) {
    // The address space ran out before the control group did: the VM saw a memory error.
    CHECK(reply.headers.at("perilune-error") == "memory_limit");
    return;
  }
  CHECK(host.metric(R"(perilune_worker_exits_total{tenant="acme",app="keeps",reason="memory"})") ==
        1);
  CHECK(host.metric(
            R"(perilune_worker_starts_total{tenant="acme",app="keeps",reason="restart"})") >= 1);
}

TEST_CASE("When every worker is busy another app is 503 overloaded, and served when one is free") {
  NEEDS_HOST();
  TestHost host{{"--max-workers", "2", "--spares", "0"}};
  for (const char* app : {"one", "two"}) REQUIRE(host.deploy(app, kSlow).status == 201);
  const Reply late = host.deploy("late", says("late"));
  INFO(late.body);
  REQUIRE(late.status == 201);
  std::vector<std::thread> clients;
  std::atomic<int> done{0};
  for (const char* app : {"one", "two"}) {
    clients.emplace_back([&host, &done, app] { done += host.get(app).body == "done" ? 1 : 0; });
    REQUIRE(eventually([&] {
      return host.metric(R"(perilune_requests_in_flight{tenant="acme",app=")" + std::string{app} +
                         "\"}") == 1 &&
             host.worker(app) > 0;
    }));
  }
  const Reply refused = host.get("late");
  CHECK(refused.status == 503);
  CHECK(refused.headers.at("perilune-error") == "overloaded");
  CHECK(refused.headers.contains("retry-after"));
  const Reply upload = host.deploy("more", says("more"));
  CHECK(upload.status == 503);
  CHECK(upload.json().at("code").as_string() == "overloaded");
  for (std::thread& client : clients) client.join();
  CHECK(done == 2);
  CHECK(host.get("late").body == "late");
  CHECK(host.ops("/readyz").status == 200);
}

TEST_CASE("CPU that an app uses after its response is on the host's own meter") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("busy", kBackground, "[limits]\ncpu_ms = 2000\n").status == 201);
  const char* const meter = R"(perilune_cpu_seconds_total{tenant="acme",app="busy"})";
  const double before = std::max(0.0, host.metric(meter));
  for (int i = 0; i < 3; ++i) REQUIRE(host.get("busy").body == "answered");
  CHECK(eventually([&] { return host.metric(meter) - before > 0.1; }));
}

TEST_CASE("kill -9 of everything in the middle of 50 uploads tears nothing") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("shop", says("v0")).status == 201);
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  for (int c = 0; c < 5; ++c) {
    clients.emplace_back([&, c] {
      for (int i = 0; i < 10; ++i) {
        const auto text = "v" + std::to_string(c) + "_" + std::to_string(i);
        if (host.deploy("shop", says(text)).status == 0) return;
        ++answered;
      }
    });
  }
  CHECK(eventually([&] { return answered >= 8; }, 30s));
  std::vector<pid_t> family = host.family();
  for (const pid_t pid : family) ::kill(pid, SIGKILL);
  for (std::thread& client : clients) client.join();
  (void)host.wait();
  const auto database = (host.data() / "perilune.db").string();
  CHECK(std::system(
            ("test \"$(sqlite3 '" + database + "' 'PRAGMA integrity_check')\" = ok").c_str()) == 0);
  host.start();
  const auto versions = host.api("GET", "/v1/tenants/acme/apps/shop/versions?limit=100")
                            .json()
                            .at("items")
                            .as_array();
  CHECK(versions.size() >= 2);
  for (const auto& version : versions) {
    const std::string id{version.at("version").as_string()};
    const Reply file =
        host.api("GET", "/v1/tenants/acme/apps/shop/versions/" + id + "/files/init.lua");
    CHECK(file.status == 200);
    CHECK(file.body.starts_with("return function(sock, req, res) res.body = 'v"));
    CHECK(file.body.ends_with("end\n"));
  }
  CHECK(host.get("shop").body.starts_with("v"));
}

}  // namespace perilune::test
