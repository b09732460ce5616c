// The gateway's own limits: connections, clocks, how much waits for a worker, when a drain is over.
#include <catch2/catch.hpp>

#include "host/gateway/gateway.hpp"
#include "tests/support/gateway_harness.hpp"

using namespace perilune;
using namespace perilune::test;
using link::Frame;
using link::FrameType;
using SteadyClock = std::chrono::steady_clock;

namespace {

Limits with(Limit limit, std::uint64_t value) {
  Limits limits;
  limits.set(limit, value);
  return limits;
}

/// Begins a response without an end; ends with Done when it is canceled.
FakeWorker::Answer begins(Notes& heard) {
  return [&heard](FakeWorker& self, const Frame& frame) {
    if (frame.header.type == FrameType::Cancel) {
      heard.add("cancel");
      self.done(frame.header.stream, Outcome::Canceled);
    }
    if (frame.header.type != FrameType::Request) return;
    heard.add("request");
    self.response(frame.header.stream, {}, "half", false);
  };
}

}  // namespace

TEST_CASE("max_connections are served, one more is closed at accept") {
  host::GatewayConfig config;
  config.max_connections = 3;
  FakeWorker worker{echo_target()};
  Harness harness{config};
  harness.attach(1, worker);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(std::make_unique<Client>(harness.gateway().port()));
    clients.back()->send(get("/in"));
    CHECK(clients.back()->read_response().ends_with("/in"));
  }
  Client over = harness.client();
  CHECK(over.closed());
  CHECK(harness.notes.wait_for("rejected overloaded"));
  clients.pop_back();
  // The place is free when the gateway has seen the end.
  while (harness.open_connections != 2) std::this_thread::yield();
  Client next = harness.client();
  next.send(get("/next"));
  CHECK(next.read_response().ends_with("/next"));
}

TEST_CASE("a stream without a byte is cut at stream_idle, one that moves is not") {
  Notes heard;
  FakeWorker worker{begins(heard)};
  Harness harness{{}, with(Limit::StreamIdle, 300)};
  harness.attach(1, worker);
  Client client = harness.client();
  client.send(get("/"));
  REQUIRE(heard.wait_for("request"));
  const auto began = SteadyClock::now();
  for (int i = 0; i < 4; ++i) {  // 400 ms in all, never 300 at once
    std::this_thread::sleep_for(100ms);
    worker.post([](FakeWorker& self) { self.data(1, "more", false); });
  }
  CHECK(client.read_to("4\r\nmore\r\n4\r\nmore\r\n4\r\nmore\r\n4\r\nmore\r\n").size() > 40);
  CHECK(SteadyClock::now() - began > 350ms);
  CHECK(client.closed());
  CHECK(client.was_reset());
  CHECK(harness.notes.wait_for("done wall_limit 200"));
  CHECK(heard.wait_for("cancel"));
}

TEST_CASE("an idle connection is closed at keep_alive and not before") {
  host::GatewayConfig config;
  config.keep_alive = 300ms;
  FakeWorker worker{echo_target()};
  Harness harness{config};
  harness.attach(1, worker);
  Client client = harness.client();
  for (int i = 0; i < 3; ++i) {
    client.send(get("/x"));
    CHECK(client.read_response().ends_with("/x"));
    std::this_thread::sleep_for(150ms);
  }
  const auto began = SteadyClock::now();
  CHECK(client.closed());
  CHECK_FALSE(client.was_reset());
  CHECK(SteadyClock::now() - began < 2s);
}

TEST_CASE("a connection that never says anything is closed at the header time") {
  host::GatewayConfig config;
  config.limits.set(Limit::HeaderTime, 150);
  Harness harness{config};
  Client silent = harness.client();
  CHECK(silent.read_all().empty());
  CHECK(silent.closed());
  Client partial = harness.client();
  partial.send("GET / HTTP/1.1\r\nX: ");
  CHECK(partial.read_all().starts_with("HTTP/1.1 408 "));
}

TEST_CASE("a wrong request line is answered at once, whatever follows or does not") {
  Harness harness;  // header time: 10 s
  Client client = harness.client();
  const auto began = SteadyClock::now();
  client.send("GET /\r\n");
  CHECK(client.read_response().starts_with("HTTP/1.1 400 "));
  CHECK(SteadyClock::now() - began < 2s);
  CHECK(client.closed());
}

TEST_CASE("the gateway listens on IPv6 and names such clients as apps expect them") {
  FakeWorker worker{[](FakeWorker& self, const Frame& frame) {
    if (frame.header.type != FrameType::Request) return;
    self.hello(frame.header.stream, link::RequestHead::decode(frame.payload)->client);
  }};
  host::GatewayConfig config;
  config.endpoint = {boost::asio::ip::make_address("::1"), 0};
  std::unique_ptr<Harness> harness;
  try {
    harness = std::make_unique<Harness>(config);
  } catch (const std::runtime_error& error) {
    WARN("SKIPPED: no IPv6 loopback here: " << error.what());
    return;
  }
  harness->attach(1, worker);
  Client client{harness->gateway().port(), 5s, AF_INET6};
  client.send("GET / HTTP/1.1\r\nHost: HELLO.demo.localhost.:8080\r\n\r\n");
  const std::string answer = client.read_response();
  CHECK(answer.starts_with("HTTP/1.1 200 "));
  CHECK(answer.find("\r\n\r\n[::1]:") != std::string::npos);
}

TEST_CASE("a retry ends at the request's own deadline") {
  FakeWorker worker{[](FakeWorker& self, const Frame& frame) {
    if (frame.header.type == FrameType::Request) self.die();
  }};
  Harness harness{{}, with(Limit::Wall, 300)};
  harness.attach(1, worker);
  Client client = harness.client();
  const auto began = SteadyClock::now();
  client.send(get("/"));
  REQUIRE(harness.notes.wait_for("need"));  // it waits for another worker; none comes
  CHECK(client.read_response().starts_with("HTTP/1.1 504 "));
  const auto took = SteadyClock::now() - began;
  CHECK(took >= 290ms);
  CHECK(took < 3s);
  CHECK(harness.notes.wait_for("done wall_limit 504"));
  CHECK(harness.route().load->running == 0);
}

TEST_CASE("a drain at its deadline cuts what still runs") {
  Notes heard;
  FakeWorker worker{begins(heard)};
  Harness harness;
  harness.attach(1, worker);
  Client streaming = harness.client();
  streaming.send(get("/"));
  REQUIRE(heard.wait_for("request"));
  CHECK(streaming.read_to("half").ends_with("half"));
  const auto began = SteadyClock::now();
  harness.gateway().drain(began + 300ms, [&] { harness.notes.add("drained all"); });
  CHECK(streaming.closed());
  CHECK(harness.notes.wait_for("drained all"));
  const auto took = SteadyClock::now() - began;
  CHECK(took >= 290ms);
  CHECK(took < 3s);
  CHECK(harness.open_connections == 0);
  CHECK(harness.in_flight_now == 0);
}

TEST_CASE("a worker that reads nothing is given up before it holds much of the host's memory") {
  Notes heard;
  std::atomic<bool> reads{false};
  FakeWorker worker{[&](FakeWorker&, const Frame&) {
    heard.add("frame");
    while (!reads) std::this_thread::sleep_for(5ms);
  }};
  Harness harness;
  std::vector<UniqueFd> links;
  links.push_back(worker.host_end());
  constexpr std::uint32_t kWindow = 1U << 20U;
  harness.gateway().attach(1, {"demo", "hello"}, std::move(links), kWindow);
  const std::string body(kWindow, 'x');
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 40 && harness.notes.count("lost 1 not_reading") == 0; ++i) {
    clients.push_back(std::make_unique<Client>(harness.gateway().port()));
    if (!clients.back()->send(post("/", "Content-Length: 1048576\r\n", body))) break;
  }
  CHECK(harness.notes.wait_for("violation not_reading"));
  CHECK(harness.notes.wait_for("lost 1 not_reading"));
  CHECK(clients.size() > 30);  // 32 MiB, a stream's window at a time
  CHECK(clients.front()->read_response().starts_with("HTTP/1.1 502 "));
  reads = true;
}
