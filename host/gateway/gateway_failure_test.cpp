// What clients get, and what the supervisor hears, when workers, apps or clients misbehave.
#include <catch2/catch.hpp>

#include "host/gateway/gateway.hpp"
#include "tests/support/gateway_harness.hpp"

using namespace perilune;
using namespace perilune::test;
using link::Frame;
using link::FrameType;

namespace {

/// Notes every frame's type as "request" or "cancel"; says Done after a Cancel.
FakeWorker::Answer silent(Notes& heard) {
  return [&heard](FakeWorker& self, const Frame& frame) {
    if (frame.header.type == FrameType::Request) heard.add("request");
    if (frame.header.type != FrameType::Cancel) return;
    heard.add("cancel");
    self.done(frame.header.stream, Outcome::Canceled);
  };
}

FakeWorker::Answer dies(Notes& heard) {
  return [&heard](FakeWorker& self, const Frame& frame) {
    if (frame.header.type != FrameType::Request) return;
    heard.add("request");
    self.die();
  };
}

Limits with(Limit limit, std::uint64_t value) {
  Limits limits;
  limits.set(limit, value);
  return limits;
}

}  // namespace

TEST_CASE("a client that goes away cancels its request") {
  Notes heard;
  FakeWorker worker{silent(heard)};
  Harness harness;
  harness.attach(1, worker);
  Client client = harness.client();
  client.send(get("/"));
  REQUIRE(heard.wait_for("request"));
  client.close();
  CHECK(heard.wait_for("cancel"));
  CHECK(harness.notes.wait_for("done canceled 0"));
  CHECK(harness.route().load->running == 0);
}

TEST_CASE("the wall limit is 504 before a head and a reset after it") {
  Notes heard;
  FakeWorker worker{[&](FakeWorker& self, const Frame& frame) {
    if (frame.header.type == FrameType::Cancel) self.done(frame.header.stream, Outcome::Canceled);
    if (frame.header.type != FrameType::Request) return;
    if (link::RequestHead::decode(frame.payload)->target == "/half")
      self.response(frame.header.stream, {}, "half", false);
  }};
  Harness harness{{}, with(Limit::Wall, 100)};
  harness.attach(1, worker);
  Client client = harness.client();
  client.send(get("/"));
  CHECK(client.read_response().starts_with("HTTP/1.1 504 "));
  CHECK(harness.notes.wait_for("done wall_limit 504"));
  client.send(get("/half"));  // a 504 does not end the connection
  CHECK(client.read_to("half\r\n").ends_with("4\r\nhalf\r\n"));
  CHECK(client.closed());
  CHECK(client.was_reset());
  CHECK(harness.notes.wait_for("done wall_limit 200"));
}

TEST_CASE("an outcome before a head is its error, after it a reset") {
  FakeWorker worker{[](FakeWorker& self, const Frame& frame) {
    if (frame.header.type != FrameType::Request) return;
    const std::string target{link::RequestHead::decode(frame.payload)->target};
    if (target == "/half") self.response(frame.header.stream, {}, "half", false);
    self.done(frame.header.stream, target == "/cpu" ? Outcome::CpuLimit : Outcome::ScriptError);
  }};
  Harness harness;
  harness.attach(1, worker);
  Client client = harness.client();
  client.send(get("/"));
  CHECK(client.read_response().find("Perilune-Error: script_error\r\n") != std::string::npos);
  client.send(get("/cpu"));
  CHECK(client.read_response().find("Perilune-Error: cpu_limit\r\n") != std::string::npos);
  client.send(get("/half"));
  CHECK(client.read_all().find("\r\n0\r\n") == std::string::npos);
  CHECK(harness.notes.wait_for("done script_error 200"));
}

TEST_CASE("a response that is no HTTP is 500 and does not leak") {
  FakeWorker worker{[](FakeWorker& self, const Frame& frame) {
    if (frame.header.type == FrameType::Cancel) self.done(frame.header.stream, Outcome::Canceled);
    if (frame.header.type != FrameType::Request) return;
    const std::string target{link::RequestHead::decode(frame.payload)->target};
    link::ResponseHead head;
    if (target == "/split") head.headers = {{"X", "a\r\nSet-Cookie: b"}};
    if (target == "/status") head.status = 101;
    if (target == "/name") head.headers = {{"X Y", "a"}};
    self.response(frame.header.stream, head, "", true);
    self.done(frame.header.stream);
  }};
  Harness harness;
  harness.attach(1, worker);
  Client client = harness.client();
  for (const char* target : {"/split", "/status", "/name"}) {
    client.send(get(target));
    const std::string answer = client.read_response();
    CHECK(answer.find("Perilune-Error: bad_response\r\n") != std::string::npos);
    CHECK(answer.find("Set-Cookie") == std::string::npos);
  }
  client.send(get("/fine"));
  CHECK(client.read_response().starts_with("HTTP/1.1 200 "));
}

TEST_CASE("an idempotent request is tried once more when its worker dies, another is 502") {
  Notes heard;
  FakeWorker first{dies(heard)};
  FakeWorker second{echo_target()};
  Harness harness;
  harness.attach(1, first);
  Client client = harness.client();
  client.send(get("/again"));
  REQUIRE(harness.notes.wait_for("lost 1 "));
  REQUIRE(harness.notes.wait_for("need"));
  harness.attach(2, second);
  CHECK(client.read_response().ends_with("/again"));

  FakeWorker third{dies(heard)};
  harness.attach(3, third);
  client.send(post("/once", "Content-Length: 0\r\n"));
  CHECK(client.read_response().starts_with("HTTP/1.1 502 "));

  FakeWorker fourth{dies(heard)};
  FakeWorker fifth{dies(heard)};
  harness.attach(4, fourth);
  client.send(get("/twice"));
  REQUIRE(harness.notes.wait_for("lost 4 "));
  harness.attach(5, fifth);
  CHECK(client.read_response().find("worker_crashed") != std::string::npos);
  CHECK(heard.count("request") == 4);
  CHECK(harness.route().load->running == 0);
}

TEST_CASE("a worker that breaks the protocol is reported and its streams fail") {
  using Break = void (*)(FakeWorker&, std::uint32_t);
  const std::pair<Break, std::string> breaks[] = {
      {[](FakeWorker& w, std::uint32_t) { w.hello(99); }, "unknown_stream"},
      {[](FakeWorker& w, std::uint32_t s) { w.data(s, "x", false); }, "data_unexpected"},
      {[](FakeWorker& w, std::uint32_t s) { w.done(s); }, "incomplete_ok"},
      {[](FakeWorker& w, std::uint32_t) { ::send(w.fd(), "garbage!", 8, 0); }, "bad_frame"},
      {[](FakeWorker& w, std::uint32_t s) { w.credit(s, 1); }, "credit_overflow"},
      {[](FakeWorker& w, std::uint32_t s) {
         w.response(s, {}, std::string(10000, 'x'), false);  // too little to be given back
         w.data(s, std::string(60000, 'x'), false);
       },
       "credit_exceeded"},
  };
  for (const auto& [how, reason] : breaks) {
    CAPTURE(reason);
    FakeWorker worker{[how = how](FakeWorker& self, const Frame& frame) {
      if (frame.header.type == FrameType::Request) how(self, frame.header.stream);
    }};
    Harness harness;
    harness.attach(1, worker);
    Client client = harness.client();
    client.send(post("/", "Content-Length: 0\r\n"));
    CHECK(harness.notes.wait_for("violation " + reason));
    CHECK(harness.notes.wait_for("lost 1 " + reason));
    if (reason != "credit_exceeded") CHECK(client.read_response().starts_with("HTTP/1.1 502 "));
  }
}

TEST_CASE("a descriptor from a worker is a violation") {
  FakeWorker worker{[](FakeWorker& self, const Frame&) {
    iovec part{};
    char byte = 1;
    part = {&byte, 1};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    *reinterpret_cast<int*>(CMSG_DATA(header)) = 0;
    ::sendmsg(self.fd(), &message, 0);
  }};
  Harness harness;
  harness.attach(1, worker);
  Client client = harness.client();
  client.send(post("/", ""));
  CHECK(harness.notes.wait_for("lost 1 bad_datagram"));
}

TEST_CASE("a worker that does not finish a canceled stream is reported") {
  Notes heard;
  FakeWorker worker{[&](FakeWorker&, const Frame& frame) {
    if (frame.header.type == FrameType::Request) heard.add("request");
  }};
  Harness harness{{}, with(Limit::CpuHard, 10)};
  harness.attach(1, worker);
  Client client = harness.client();
  client.send(get("/"));
  REQUIRE(heard.wait_for("request"));
  client.close();
  CHECK(harness.notes.wait_for("lost 1 no_done"));
  CHECK(harness.notes.wait_for("done canceled 0"));
}

TEST_CASE("requests beyond the concurrency wait, beyond the queue they are 503") {
  Limits limits = with(Limit::Concurrency, 1);
  limits.set(Limit::Queue, 1);
  Notes heard;
  std::atomic<std::uint32_t> stream{0};
  FakeWorker worker{[&](FakeWorker&, const Frame& frame) {
    if (frame.header.type != FrameType::Request) return;
    stream = frame.header.stream;
    heard.add("request");
  }};
  Harness harness{{}, limits};
  harness.attach(1, worker);
  Client running = harness.client();
  running.send(get("/1"));
  REQUIRE(heard.wait_for("request"));
  Client waiting = harness.client();
  waiting.send(get("/2"));
  while (harness.route().load->queued != 1) std::this_thread::yield();
  Client refused = harness.client();
  refused.send(get("/3"));
  const std::string answer = refused.read_response();
  CHECK(answer.starts_with("HTTP/1.1 503 "));
  CHECK(answer.find("Retry-After: 1\r\n") != std::string::npos);
  CHECK(heard.count("request") == 1);
  worker.post([&](FakeWorker& self) { self.hello(stream, "1"); });
  CHECK(running.read_response().ends_with("\r\n\r\n1"));
  REQUIRE(heard.wait_for("request", 2));
  worker.post([&](FakeWorker& self) { self.hello(stream, "2"); });
  CHECK(waiting.read_response().ends_with("\r\n\r\n2"));
  CHECK(harness.route().load->running == 0);
  CHECK(harness.route().load->queued == 0);
}

TEST_CASE("without a worker the supervisor is asked once, and its failure is the answer") {
  Harness harness;
  Client one = harness.client();
  Client two = harness.client();
  one.send(get("/"));
  two.send(get("/"));
  REQUIRE(harness.notes.wait_for("need"));
  while (harness.in_flight_now != 2) std::this_thread::yield();
  harness.gateway().fail_waiting({"demo", "hello"}, "crash_loop");
  for (Client* client : {&one, &two}) {
    const std::string answer = client->read_response();
    CHECK(answer.starts_with("HTTP/1.1 503 "));
    CHECK(answer.find("Perilune-Error: crash_loop\r\n") != std::string::npos);
    CHECK(answer.find("Retry-After: 30\r\n") != std::string::npos);
  }
  CHECK(harness.notes.count("need") == 1);
}

TEST_CASE("a client that reads slowly holds up its app, not the host's memory") {
  std::atomic<std::size_t> sent{0};
  FakeWorker worker{[&](FakeWorker& self, const Frame& frame) {
    const std::string piece(16 * 1024, 'x');
    if (frame.header.type == FrameType::Request) {
      self.response(frame.header.stream, {}, {}, false);
      for (int i = 0; i < 4; ++i) self.data(frame.header.stream, piece, false);
      sent += 4 * piece.size();
    }
    if (frame.header.type == FrameType::Cancel) self.done(frame.header.stream, Outcome::Canceled);
    if (frame.header.type != FrameType::Credit) return;
    const std::uint32_t credit = *link::decode_credit(frame.payload);
    self.data(frame.header.stream, std::string(credit, 'x').substr(0, 60000), false);
    sent += std::min<std::size_t>(credit, 60000);
  }};
  host::GatewayConfig config;
  config.write_stall = 300ms;
  Harness harness{config};
  harness.attach(1, worker);
  Client client = harness.client();
  client.send(get("/"));
  // The kernel's socket buffers take a few MiB, then nothing moves and the client is cut.
  CHECK(harness.notes.wait_for("done canceled 200"));
  CHECK(sent < 16U << 20U);
  CHECK(client.closed());
}

TEST_CASE("a body that stalls is 408") {
  Limits limits = with(Limit::HeaderTime, 100);
  Notes heard;
  FakeWorker worker{silent(heard)};
  Harness harness{{}, limits};
  harness.attach(1, worker);
  Client client = harness.client();
  client.send(post("/", "Content-Length: 10\r\n", "half"));
  CHECK(client.read_all().starts_with("HTTP/1.1 408 "));
  CHECK(heard.wait_for("cancel"));
}

TEST_CASE("a body that the app did not want is read away when small, else the connection closes") {
  FakeWorker worker{[](FakeWorker& self, const Frame& frame) {
    if (frame.header.type == FrameType::Request) self.hello(frame.header.stream, "early");
  }};
  Harness harness;
  harness.attach(1, worker);
  Client client = harness.client();
  client.send(post("/", "Content-Length: 1000\r\n"));
  CHECK(client.read_response().ends_with("early"));
  client.send(std::string(1000, 'x') + get("/next"));
  CHECK(client.read_response().ends_with("early"));
  client.send(post("/", "Content-Length: 1000000\r\n"));
  CHECK(client.read_response().ends_with("early"));
  CHECK(client.closed());
}
