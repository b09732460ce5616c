// The path of a request through the gateway, with a real client socket and the worker's end of the
// link in the test's hands.
#include "host/gateway/gateway.hpp"

#include <catch2/catch.hpp>

#include "tests/support/gateway_harness.hpp"

using namespace perilune;
using namespace perilune::test;
using link::Frame;
using link::FrameType;

TEST_CASE("a request gets its app's answer and the connection is kept") {
  FakeWorker worker{echo_target()};
  Harness harness;
  harness.attach(1, worker);
  Client client = harness.client();
  client.send(get("/one"));
  const std::string first = client.read_response();
  CHECK(first.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(first.find("Perilune-Request-Id: ") != std::string::npos);
  CHECK(first.ends_with("\r\n\r\n/one"));
  client.send(get("/two", "Connection: close\r\n"));
  const std::string second = client.read_response();
  CHECK(second.find("Connection: close\r\n") != std::string::npos);
  CHECK(second.ends_with("/two"));
  CHECK(client.closed());
  CHECK(harness.notes.wait_for("done ok 200", 2));
  CHECK(harness.in_flight_now == 0);
  CHECK(harness.route().load->running == 0);
}

TEST_CASE("pipelined requests are answered in order") {
  FakeWorker worker{echo_target()};
  Harness harness;
  harness.attach(1, worker);
  Client client = harness.client();
  std::string flood;
  constexpr int kCount = 2000;
  for (int i = 0; i < kCount; ++i) flood += get("/" + std::to_string(i));
  std::thread sender{[&] { client.send(flood); }};
  for (int i = 0; i < kCount; ++i) {
    if (!client.read_response().ends_with("\r\n\r\n/" + std::to_string(i))) {
      FAIL_CHECK("answer " << i << " is out of order");
      break;
    }
  }
  sender.join();
}

TEST_CASE("unknown hosts, suspended and undeployed apps are 404") {
  Harness harness;
  Client client = harness.client();
  client.send("GET / HTTP/1.1\r\nHost: other.localhost\r\n\r\n");
  CHECK(client.read_response().find("Perilune-Error: app_not_found") != std::string::npos);
  for (const bool suspended : {true, false}) {
    auto route = std::make_shared<host::AppRoute>(harness.route());
    route->suspended = suspended;
    if (!suspended) route->version.clear();
    harness.gateway().publish(std::make_shared<const host::RouteTable>(
        "localhost", std::vector<std::shared_ptr<const host::AppRoute>>{route}));
    client.send(get("/"));
    const std::string answer = client.read_response();
    CHECK(answer.starts_with("HTTP/1.1 404 "));
    CHECK(answer.find(suspended ? "app_not_found" : "not_deployed") != std::string::npos);
  }
}

TEST_CASE("hostile framing is answered with 400 and a close, and no worker hears of it") {
  Notes heard;
  FakeWorker worker{[&](FakeWorker& self, const Frame& frame) {
    heard.add("frame");
    self.hello(frame.header.stream);
  }};
  Harness harness;
  harness.attach(1, worker);
  for (const std::string& bytes :
       {"POST / HTTP/1.1\r\n" + kTo +
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin "
            "HTTP/1.1\r\n" +
            kTo + "\r\n",
        "GET / HTTP/1.1\n" + kTo + "\n", std::string{"\x16\x03\x01\x02\x00\x01\x00", 7},
        std::string{"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"}}) {
    CAPTURE(bytes);
    Client client = harness.client();
    client.send(bytes);
    const std::string answer = client.read_all();
    CHECK(answer.starts_with("HTTP/1.1 400 "));
    CHECK(answer.find("Perilune-Error: bad_request") != std::string::npos);
    CHECK(answer.find("Connection: close") != std::string::npos);
    CHECK(answer.find("\nHTTP/1.1 ") == std::string::npos);
    CHECK(client.closed());
  }
  CHECK(heard.count("frame") == 0);
  CHECK(harness.notes.count("rejected bad_request") == 4);
}

TEST_CASE("an endless header is refused at its limit") {
  Harness harness;
  Client client = harness.client();
  client.send("GET / HTTP/1.1\r\n" + kTo + "X: ");
  for (int i = 0; i < 100 && client.send(std::string(4096, 'a')); ++i) {
  }
  CHECK(client.read_all().starts_with("HTTP/1.1 431 "));
}

TEST_CASE("a head that does not arrive in time is 408") {
  host::GatewayConfig config;
  config.limits.set(Limit::HeaderTime, 100);
  Harness harness{config};
  Client client = harness.client();
  client.send("GET / HTTP/1.1\r\nHost:");
  CHECK(client.read_all().starts_with("HTTP/1.1 408 "));
  CHECK(client.closed());
}

TEST_CASE("a request body streams under the worker's credit") {
  Notes notes;
  std::atomic<std::size_t> got{0};
  std::atomic<std::uint32_t> stream{0};
  FakeWorker worker{[&](FakeWorker& self, const Frame& frame) {
    if (frame.header.type == FrameType::Request) stream = frame.header.stream;
    if (frame.header.type != FrameType::Body) return;
    got += frame.payload.size();
    if ((frame.header.flags & link::kEnd) != 0)
      self.hello(frame.header.stream, std::to_string(got));
    if (got == link::kInitialCredit) notes.add("window full");
  }};
  Harness harness;
  harness.attach(1, worker);
  constexpr std::size_t kSize = 1 << 20;
  Client client = harness.client();
  std::thread sender{[&] {
    client.send(
        post("/", "Content-Length: " + std::to_string(kSize) + "\r\n", std::string(kSize, 'x')));
  }};
  REQUIRE(notes.wait_for("window full"));
  std::this_thread::sleep_for(50ms);
  CHECK(got == link::kInitialCredit);  // back-pressure: not a byte beyond the credit
  for (std::size_t given = link::kInitialCredit; given < kSize; given += link::kInitialCredit) {
    worker.post([&](FakeWorker& self) { self.credit(stream, link::kInitialCredit); });
    while (got < std::min(kSize, given + link::kInitialCredit)) std::this_thread::yield();
  }
  sender.join();
  CHECK(client.read_response().ends_with("\r\n\r\n" + std::to_string(kSize)));
}

TEST_CASE("a chunked body reaches the app with its trailers, and the next request is in step") {
  std::string body;
  Notes notes;
  FakeWorker worker{[&](FakeWorker& self, const Frame& frame) {
    if (frame.header.type == FrameType::Request) {
      const auto head = link::RequestHead::decode(frame.payload);
      if ((head->flags & link::RequestHead::kHasBody) == 0) self.hello(frame.header.stream, "next");
    }
    if (frame.header.type == FrameType::Body) body += text_of(frame.payload);
    if (frame.header.type == FrameType::Trailers) {
      const auto trailers = link::decode_headers(frame.payload);
      body += '|' + std::string{trailers->at(0).name} + '=' + std::string{trailers->at(0).value};
      self.hello(frame.header.stream, body);
    }
  }};
  Harness harness;
  harness.attach(1, worker);
  Client client = harness.client();
  client.send(post("/", "Transfer-Encoding: chunked\r\n",
                   "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nX-Sum: 7\r\n\r\n") +
              get("/next"));
  CHECK(client.read_response().ends_with("hello!|X-Sum=7"));
  CHECK(client.read_response().ends_with("next"));
}

TEST_CASE("a body beyond the app's limit is 413, by its length at once and by count when chunked") {
  Limits limits;
  limits.set(Limit::BodyStreamed, 100);
  Notes heard;
  FakeWorker worker{[&](FakeWorker& self, const Frame& frame) {
    if (frame.header.type == FrameType::Request) heard.add("request");
    if (frame.header.type == FrameType::Cancel) self.done(frame.header.stream, Outcome::Canceled);
    if (frame.header.type == FrameType::Body && (frame.header.flags & link::kEnd) != 0)
      self.hello(frame.header.stream);
  }};
  Harness harness{{}, limits};
  harness.attach(1, worker);
  Client under = harness.client();
  under.send(post("/", "Content-Length: 100\r\n", std::string(100, 'x')));
  CHECK(under.read_response().starts_with("HTTP/1.1 200 "));
  Client over = harness.client();
  over.send(post("/", "Content-Length: 101\r\n"));
  CHECK(over.read_all().starts_with("HTTP/1.1 413 "));
  CHECK(heard.count("request") == 1);
  Client chunked = harness.client();
  chunked.send(post("/", "Transfer-Encoding: chunked\r\n",
                    "60\r\n" + std::string(96, 'x') + "\r\n0\r\n\r\n"));
  CHECK(chunked.read_all().starts_with("HTTP/1.1 413 "));
  CHECK(harness.notes.wait_for("done bad_request 413", 2));
}

TEST_CASE("100 Continue is sent when the app reads, and never when it answers first") {
  FakeWorker worker{[](FakeWorker& self, const Frame& frame) {
    const std::uint32_t stream = frame.header.stream;
    if (frame.header.type == FrameType::Request) {
      const auto head = link::RequestHead::decode(frame.payload);
      if (head->target == "/read") self.out.add(FrameType::Continue, stream, {});
      if (head->target == "/refuse") self.hello(stream, "no");
    }
    if (frame.header.type == FrameType::Body && (frame.header.flags & link::kEnd) != 0)
      self.hello(stream, "read");
  }};
  Harness harness;
  harness.attach(1, worker);
  Client client = harness.client();
  const std::string fields = "Expect: 100-continue\r\nContent-Length: 5\r\n";
  client.send(post("/read", fields));
  CHECK(client.read_to("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  CHECK(client.read_response().ends_with("read"));
  client.send(post("/refuse", fields));
  const std::string refused = client.read_all();
  CHECK(refused.starts_with("HTTP/1.1 200 "));
  CHECK(refused.find("Connection: close") != std::string::npos);
}

TEST_CASE("streamed responses are chunked, with trailers, and HTTP/1.0 gets them until the close") {
  FakeWorker worker{[](FakeWorker& self, const Frame& frame) {
    if (frame.header.type != FrameType::Request) return;
    const std::uint32_t stream = frame.header.stream;
    link::ResponseHead head;
    self.response(stream, head, "one", false);
    self.data(stream, "two", false);
    link::encode_headers({{"X-Sum", "6"}},
                         self.out.begin_frame(FrameType::ResponseTrailers, stream));
    self.out.finish_frame();
    self.done(stream);
  }};
  Harness harness;
  harness.attach(1, worker);
  Client client = harness.client();
  client.send(get("/"));
  const std::string head = client.read_to("\r\n\r\n");
  CHECK(head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(client.read_to("6\r\n\r\n") == "3\r\none\r\n3\r\ntwo\r\n0\r\nX-Sum: 6\r\n\r\n");
  Client old = harness.client();
  old.send("GET / HTTP/1.0\r\n" + kTo + "\r\n");
  CHECK(old.read_all().ends_with("\r\n\r\nonetwo"));
}

TEST_CASE("HEAD, 204 and 304 have no body and leave the connection in step") {
  FakeWorker worker{[](FakeWorker& self, const Frame& frame) {
    const auto request = link::RequestHead::decode(frame.payload);
    link::ResponseHead head;
    head.content_length = 5;
    if (request->target == "/204" || request->target == "/304") {
      head.status = request->target == "/204" ? 204 : 304;
      head.content_length = UINT64_MAX;
    }
    self.response(frame.header.stream, head, request->target == "/get" ? "hello" : "", true);
    self.done(frame.header.stream);
  }};
  Harness harness;
  harness.attach(1, worker);
  Client client = harness.client();
  client.send("HEAD / HTTP/1.1\r\n" + kTo + "\r\n");
  CHECK(client.read_to("\r\n\r\n").find("Content-Length: 5\r\n") != std::string::npos);
  for (const char* target : {"/204", "/304"}) {
    client.send(get(target));
    CHECK(client.read_to("\r\n\r\n").find("Content-Length") == std::string::npos);
  }
  client.send(get("/get"));
  CHECK(client.read_response().ends_with("\r\n\r\nhello"));
}
