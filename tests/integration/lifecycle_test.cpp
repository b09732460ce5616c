#include <atomic>
#include <catch2/catch.hpp>
#include <csignal>
#include <thread>

#include "tests/integration/apps.hpp"
#include "tests/integration/test_host.hpp"

namespace perilune::test {

using namespace std::chrono_literals;

TEST_CASE("A worker that is killed is replaced for the next request") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("shop", says("here")).status == 201);
  REQUIRE(host.get("shop").body == "here");
  const pid_t first = host.worker("shop");
  REQUIRE(first > 0);
  REQUIRE(::kill(first, SIGKILL) == 0);
  REQUIRE(eventually([&] { return host.worker("shop") != first; }));
  REQUIRE(host.get("shop").body == "here");
  REQUIRE(host.worker("shop") != first);
  REQUIRE(host.metric(R"(perilune_worker_exits_total{tenant="acme",app="shop",reason="killed"})") ==
          1);
}

TEST_CASE("An app whose worker dies five times is in a crash loop until it is deployed again") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("dies", says("here")).status == 201);
  Reply reply;
  for (int deaths = 0; deaths < 5; ++deaths) {
    REQUIRE(eventually([&] { return host.get("dies").status == 200; }, 20s));
    const pid_t worker = host.worker("dies");
    REQUIRE(::kill(worker, SIGKILL) == 0);
    REQUIRE(eventually([&] { return host.worker("dies") != worker; }));
  }
  reply = host.get("dies");
  REQUIRE(reply.status == 503);
  REQUIRE(reply.headers.at("perilune-error") == "crash_loop");
  REQUIRE(reply.headers.contains("retry-after"));
  REQUIRE(host.metric(R"(perilune_crash_loop{tenant="acme",app="dies"})") == 1);
  REQUIRE(host.deploy("dies", says("again")).status == 201);
  REQUIRE(host.get("dies").body == "again");
}

TEST_CASE("An idle app's worker stops, and the next request starts another") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("shop", says("here"), "[limits]\nidle_ms = 300\n").status == 201);
  REQUIRE(host.get("shop").body == "here");
  REQUIRE(eventually([&] { return host.status("shop").at("state").as_string() == "idle"; }));
  REQUIRE(host.get("shop").body == "here");
  REQUIRE(eventually([&] {
    return host.metric(
               R"(perilune_worker_exits_total{tenant="acme",app="shop",reason="stopped"})") >= 1;
  }));
}

TEST_CASE("A worker that answers no ping is killed, and its request is served by the next") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("shop", says("here")).status == 201);
  const pid_t worker = host.worker("shop");
  REQUIRE(::kill(worker, SIGSTOP) == 0);
  const Reply reply = host.get("shop");
  INFO(host.log());
  REQUIRE(reply.status == 200);
  REQUIRE(reply.body == "here");
  REQUIRE(host.worker("shop") != worker);
  REQUIRE(host.metric(
              R"(perilune_worker_exits_total{tenant="acme",app="shop",reason="watchdog"})") == 1);
}

TEST_CASE("No request fails while new versions are deployed") {
  NEEDS_HOST();
  TestHost host;
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
  for (int i = 1; i <= 5; ++i) {
    const Reply deployed = host.deploy("shop", says("v" + std::to_string(i)));
    INFO(deployed.body);
    CHECK(deployed.status == 201);
    CHECK(host.get("shop").body == "v" + std::to_string(i));
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  REQUIRE(bad == 0);
  REQUIRE(good > 10);
}

TEST_CASE("A rollback brings the version before back") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("shop", says("old")).status == 201);
  REQUIRE(host.deploy("shop", says("new")).status == 201);
  REQUIRE(host.get("shop").body == "new");
  const Reply back = host.api("POST", "/v1/tenants/acme/apps/shop/deployments/rollback?wait=ready");
  INFO(back.body);
  REQUIRE(back.status == 201);
  REQUIRE(host.get("shop").body == "old");
}

TEST_CASE("A suspended tenant's workers die within a second") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("shop", says("here")).status == 201);
  REQUIRE(host.get("shop").status == 200);
  const pid_t worker = host.worker("shop");
  REQUIRE(host.api("POST", "/v1/tenants/acme/suspend").status == 202);
  REQUIRE(eventually([&] { return !alive(worker); }, 1s));
  REQUIRE(host.get("shop").status >= 400);
  REQUIRE(host.api("POST", "/v1/tenants/acme/resume").status == 202);
  REQUIRE(host.get("shop").body == "here");
}

TEST_CASE("A deleted app answers no more, and its series are gone") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("shop", says("here")).status == 201);
  REQUIRE(host.get("shop").status == 200);
  REQUIRE(host.api("DELETE", "/v1/tenants/acme/apps/shop").status < 300);
  REQUIRE(host.get("shop").status == 404);
  REQUIRE(eventually(
      [&] { return host.ops("/metrics").body.find("app=\"shop\"") == std::string::npos; }));
}

TEST_CASE("kill -9 of host or launcher leaves no process and no damage") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("shop", says("here")).status == 201);
  for (const bool launcher : {false, true}) {
    REQUIRE(host.get("shop").body == "here");
    const std::vector<pid_t> family = host.family();
    REQUIRE(family.size() >= 3);
    REQUIRE(::kill(launcher ? host.launcher() : host.host(), SIGKILL) == 0);
    REQUIRE(host.wait() == 128 + SIGKILL);
    for (const pid_t pid : family) {
      INFO(pid);
      REQUIRE(eventually([&] { return !alive(pid); }));
    }
    host.start();
  }
  REQUIRE(host.get("shop").body == "here");
}

TEST_CASE("kill -9 in the middle of uploads leaves whole versions only") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("shop", says("v0")).status == 201);
  for (int round = 0; round < 3; ++round) {
    std::thread client{[&] {
      for (int i = 0; i < 20; ++i) {
        const std::string text = "v" + std::to_string(round) + "_" + std::to_string(i);
        if (host.deploy("shop", says(text)).status == 0) return;
      }
    }};
    std::this_thread::sleep_for(std::chrono::milliseconds{60 + 70 * round});
    ::kill(host.host(), SIGKILL);
    client.join();
    (void)host.wait();
    host.start();
    const Reply reply = host.get("shop");
    REQUIRE(reply.status == 200);
    REQUIRE(reply.body.starts_with("v"));
  }
}

}  // namespace perilune::test
