#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/integration/apps.hpp"
#include "tests/integration/test_host.hpp"

namespace perilune::test {

using namespace std::chrono_literals;

TEST_CASE("A handler app is uploaded, deployed and answers") {
  NEEDS_HOST();
  TestHost host;
  const Reply deployed = host.deploy("shop", says("hello"));
  INFO(deployed.body << host.log());
  REQUIRE(deployed.status == 201);
  const Reply reply = host.get("shop");
  REQUIRE(reply.status == 200);
  REQUIRE(reply.body == "hello");
  REQUIRE(reply.headers.contains("perilune-request-id"));
  REQUIRE(host.get("nobody").status == 404);
  REQUIRE(host.stop() == 0);
}

TEST_CASE("The article's HTTP server runs unmodified") {
  NEEDS_HOST();
  TestHost host;
  std::ifstream in{std::filesystem::path{PERILUNE_SOURCE_DIR} / "docs/examples/countdown/init.lua"};
  const std::string program{std::istreambuf_iterator<char>{in}, {}};
  const Reply deployed = host.deploy("countdown", program);
  INFO(deployed.body << host.log());
  REQUIRE(deployed.status == 201);
  const Reply reply = host.get("countdown", "/x");
  REQUIRE(reply.status == 200);
  REQUIRE(reply.body == "3...\n2...\n1...\nHello World\n");
  REQUIRE(eventually([&] {
    return host.api("GET", "/v1/tenants/acme/apps/countdown/logs").body.find("GET /x") !=
           std::string::npos;
  }));
}

TEST_CASE("A syntax error is a 422 with file, line and column") {
  NEEDS_HOST();
  TestHost host;
  const Reply refused = host.deploy("bad", "local x = 1\nlocal y = = 2\n");
  INFO(refused.body);
  REQUIRE(refused.status == 422);
  const auto found = refused.json().at("diagnostics").at(0);
  REQUIRE(found.at("file").as_string() == "init.lua");
  REQUIRE(found.at("line").to_number<int>() == 2);
  REQUIRE(found.as_object().contains("column"));
  REQUIRE(host.get("bad").status == 404);
}

TEST_CASE("What a limit ends is named to the client") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("spins", kSpins, "[limits]\ncpu_ms = 50\n").status == 201);
  const Reply cpu = host.get("spins");
  REQUIRE(cpu.status == 500);
  REQUIRE(cpu.headers.at("perilune-error") == "cpu_limit");

  REQUIRE(host.deploy("eats",
                      "return function(sock, req, res) local t = {} for i = 1, 1e9 do "
                      "t[i] = ('x'):rep(1000) .. i end end",
                      "[limits]\nmemory = \"8MiB\"\ncpu_ms = 5000\n")
              .status == 201);
  const Reply memory = host.get("eats");
  REQUIRE(memory.status == 500);
  REQUIRE(memory.headers.at("perilune-error") == "memory_limit");

  REQUIRE(host.deploy("waits",
                      "local sleep_for = require 'sleep_for'\n"
                      "return function(sock, req, res) sleep_for(60000) end",
                      "[limits]\nwall_ms = 200\n")
              .status == 201);
  const Reply wall = host.get("waits");
  REQUIRE(wall.status == 504);
  REQUIRE(wall.headers.at("perilune-error") == "wall_limit");
  // A request counts as done when its fibers have ended: a moment after its client was answered.
  REQUIRE(eventually([&] {
    return host.metric(
               R"(perilune_requests_total{tenant="acme",app="waits",outcome="wall_limit"})") == 1;
  }));
}

TEST_CASE("A host that starts again has every app") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("one", says("1")).status == 201);
  REQUIRE(host.deploy("two", says("2")).status == 201);
  REQUIRE(host.stop() == 0);
  host.start();
  REQUIRE(host.get("one").body == "1");
  REQUIRE(host.get("two").body == "2");
}

TEST_CASE("SIGTERM lets a request end that runs, and then the host exits with 0") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("slow",
                      "local sleep_for = require 'sleep_for'\n"
                      "return function(sock, req, res) sleep_for(700) res.body = 'done' end")
              .status == 201);
  Reply reply;
  std::thread client{[&] { reply = host.get("slow"); }};
  REQUIRE(eventually([&] {
    return host.metric(R"(perilune_requests_in_flight{tenant="acme",app="slow"})") == 1;
  }));
  const int status = host.stop();
  client.join();
  REQUIRE(status == 0);
  REQUIRE(reply.status == 200);
  REQUIRE(reply.body == "done");
}

TEST_CASE("The operator's pages answer") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("shop", says("x")).status == 201);
  REQUIRE(host.get("shop").status == 200);
  REQUIRE(host.ops("/livez").status == 200);
  REQUIRE(host.ops("/readyz").status == 200);
  const auto ready = host.ops("/readyz?verbose").json();
  REQUIRE(ready.at("sandbox").at("layers").at("seccomp").as_bool());
  REQUIRE(host.ops("/nothing").status == 404);
  REQUIRE(host.metric(R"(perilune_requests_total{tenant="acme",app="shop",outcome="ok"})") == 1);
  REQUIRE(host.metric("perilune_build_info{version=\"" PERILUNE_VERSION "\"}") == 1);
  if (std::system("command -v promtool >/dev/null") != 0) {
    WARN("SKIPPED: promtool is not installed");
    return;
  }
  const auto page = host.data() / "metrics.txt";
  std::ofstream{page} << host.ops("/metrics").body;
  REQUIRE(std::system(("promtool check metrics <" + page.string()).c_str()) == 0);
}

TEST_CASE(
    "A host that cannot isolate does not start, and says what is missing and what accepts less") {
  NEEDS_HOST();
  REQUIRE_THROWS_WITH(TestHost({"--worker", "/nonexistent/worker"}),
                      Catch::Contains("/nonexistent/worker"));
  // Without root there are no cgroups: level strong at best.
  const auto out =
      std::filesystem::temp_directory_path() / ("perilune-low-" + std::to_string(::getpid()));
  const std::string command =
      "setpriv --reuid 65534 --regid 65534 --clear-groups " PERILUNE_TEST_BINARY
      " serve --worker " PERILUNE_TEST_WORKER
      " --data-dir /nonexistent --gateway 127.0.0.1:0 --admin 127.0.0.1:0 --metrics 127.0.0.1:0 >" +
      out.string() + " 2>&1";
  const int status = std::system(command.c_str());
  std::ifstream in{out};
  const std::string said{std::istreambuf_iterator<char>{in}, {}};
  std::filesystem::remove(out);
  INFO(said);
  REQUIRE(status != 0);
  REQUIRE(said.find("cgroup memory limit") != std::string::npos);
#ifdef PERILUNE_SANITIZED
  // A sanitizer's own thread keeps the launcher from entering a user namespace: the level is lower.
  REQUIRE(said.find("--require-sandbox ") != std::string::npos);
#else
  REQUIRE(said.find("missing cgroup memory limit") != std::string::npos);
  REQUIRE(said.find("--require-sandbox strong") != std::string::npos);
#endif
}

TEST_CASE("A second SIGTERM ends the host at once") {
  NEEDS_HOST();
  TestHost host;
  REQUIRE(host.deploy("slow",
                      "local sleep_for = require 'sleep_for'\n"
                      "return function(sock, req, res) sleep_for(20000) end")
              .status == 201);
  std::thread client{[&] { (void)host.get("slow"); }};
  REQUIRE(eventually([&] {
    return host.metric(R"(perilune_requests_in_flight{tenant="acme",app="slow"})") == 1;
  }));
  const auto family = host.family();
  ::kill(host.host(), SIGTERM);
  REQUIRE(eventually([&] { return host.ops("/readyz").status == 503; }));
  const int status = host.stop(5s);
  client.join();
  REQUIRE(status == 128 + SIGTERM);
  for (const pid_t pid : family) REQUIRE(eventually([&] { return !alive(pid); }));
}

}  // namespace perilune::test
