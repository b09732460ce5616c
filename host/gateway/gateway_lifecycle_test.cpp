// Instances come and go, the gateway drains, threads share an app.
#include <catch2/catch.hpp>

#include "host/gateway/gateway.hpp"
#include "tests/support/gateway_harness.hpp"

using namespace perilune;
using namespace perilune::test;
using link::Frame;
using link::FrameType;

namespace {

Limits one_at_once() {
  Limits limits;
  limits.set(Limit::Concurrency, 1);
  return limits;
}

}  // namespace

TEST_CASE("a retired instance finishes what it runs while the next one takes over") {
  Notes heard;
  std::atomic<std::uint32_t> stream{0};
  FakeWorker old{[&](FakeWorker&, const Frame& frame) {
    stream = frame.header.stream;
    heard.add("request");
  }};
  FakeWorker fresh{echo_target()};
  Harness harness;
  harness.attach(1, old);
  Client client = harness.client();
  client.send(get("/old"));
  REQUIRE(heard.wait_for("request"));
  harness.attach(2, fresh);
  harness.gateway().retire(1);
  Client next = harness.client();
  next.send(get("/new"));
  CHECK(next.read_response().ends_with("/new"));
  CHECK(harness.notes.count("drained 1") == 0);
  old.post([&](FakeWorker& self) { self.hello(stream, "old"); });
  CHECK(client.read_response().ends_with("old"));
  CHECK(harness.notes.wait_for("drained 1"));
  harness.gateway().instance_dead(1);
  harness.gateway().retire(77);
  CHECK(harness.notes.wait_for("drained 77"));
}

TEST_CASE("a drain answers what runs, closes what idles, and tells the queue at its end") {
  Notes heard;
  std::atomic<std::uint32_t> stream{0};
  FakeWorker worker{[&](FakeWorker&, const Frame& frame) {
    if (frame.header.type != FrameType::Request) return;
    stream = frame.header.stream;
    heard.add("request");
  }};
  Harness harness{{}, one_at_once()};
  harness.attach(1, worker);
  Client idle = harness.client();
  Client running = harness.client();
  running.send(get("/"));
  REQUIRE(heard.wait_for("request"));
  Client queued = harness.client();
  queued.send(get("/"));
  while (harness.route().load->queued != 1) std::this_thread::yield();
  harness.gateway().drain(std::chrono::steady_clock::now() + 600ms,
                          [&] { harness.notes.add("drained all"); });
  CHECK(idle.closed());
  CHECK(queued.read_response().find("Perilune-Error: draining\r\n") != std::string::npos);
  worker.post([&](FakeWorker& self) { self.hello(stream, "last"); });
  const std::string last = running.read_response();
  CHECK(last.ends_with("last"));
  CHECK(last.find("Connection: close\r\n") != std::string::npos);
  CHECK(harness.notes.wait_for("drained all"));
  CHECK(harness.open_connections == 0);
  CHECK_THROWS(harness.client());
}

TEST_CASE("two threads share a port, an app's places and its queue") {
  host::GatewayConfig config;
  config.threads = 2;
  FakeWorker one{echo_target()};
  FakeWorker two{echo_target()};
  Harness harness{config, one_at_once()};
  std::vector<UniqueFd> links;
  links.push_back(one.host_end());
  links.push_back(two.host_end());
  harness.gateway().attach(1, {"demo", "hello"}, std::move(links));
  std::vector<std::thread> clients;
  std::atomic<int> answered{0};
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      Client client = harness.client();
      for (int k = 0; k < 50; ++k) {
        client.send(get("/x"));
        if (client.read_response().ends_with("/x")) ++answered;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  CHECK(answered == 8 * 50);
  CHECK(harness.route().load->running == 0);
}
