#include "runtime/modules/http_socket.hpp"

#include <catch2/catch.hpp>

#include "runtime/modules/http_options.hpp"
#include "runtime/modules/http_test_gateway.hpp"
#include "runtime/vm/vm_fixture.hpp"

using namespace perilune;
using namespace perilune::runtime;
using perilune::runtime::testing::GatewayRecord;
using perilune::runtime::testing::RecordingConnection;

namespace {

struct Fixture {
  explicit Fixture(std::uint8_t flags = 0) { record.request("POST", "/x?y", flags); }

  MessagePtr message(MessageKind kind) { return new HttpMessage{*script.vm, kind}; }
  /// Brings the socket to `state` of its writing side, with the request read.
  void reach(WriteState state) {
    REQUIRE(socket->read_request(request) == Step::Done);
    if (state == WriteState::ContinueIssued) REQUIRE(socket->write_continue() == Step::Done);
    if (state == WriteState::MetadataIssued)
      REQUIRE(socket->write_metadata(response) == Step::Done);
    if (state == WriteState::Finished) REQUIRE(socket->write_message(response) == Step::Done);
    REQUIRE(socket->write_state() == state);
  }

  runtime::testing::Script script;
  GatewayRecord record;
  HttpSocketPtr socket{
      new HttpSocket{make_gateway_backend(std::make_unique<RecordingConnection>(record)),
                     http_limits_of(*script.vm)}};
  MessagePtr request = message(MessageKind::Request);
  MessagePtr response = message(MessageKind::Response);
};

HttpErrc refusal(const HttpSocketPtr& socket, Step step) {
  return step == Step::Failed ? socket->fault().http : HttpErrc{};
}

}  // namespace

TEST_CASE("a request's head and body are given to the message, names in lower case") {
  Fixture f;
  f.record.body = "hello";
  REQUIRE(f.socket->read_request(f.request) == Step::Done);
  CHECK(f.request->method == "POST");
  CHECK(f.request->target == "/x?y");
  CHECK(f.request->body() == "hello");
  CHECK(f.request->headers[0].name == "host");
  CHECK(f.request->headers.find("X-TWO", 2) == 2);
  CHECK(f.socket->read_state() == ReadState::Finished);
  CHECK(f.socket->write_state() == WriteState::Empty);
}

TEST_CASE("every write in every state of the table") {
  const auto state = GENERATE(WriteState::Empty, WriteState::ContinueIssued,
                              WriteState::MetadataIssued, WriteState::Finished);
  const bool begun = state == WriteState::MetadataIssued;
  const bool unanswered = state == WriteState::Empty || state == WriteState::ContinueIssued;
  const auto expected = [](bool allowed) { return allowed ? HttpErrc{} : HttpErrc::OutOfOrder; };
  Fixture f;
  f.reach(state);
  SECTION("continue") {
    CHECK(refusal(f.socket, f.socket->write_continue()) == expected(state == WriteState::Empty));
  }
  SECTION("response") {
    CHECK(refusal(f.socket, f.socket->write_message(f.response)) == expected(unanswered));
  }
  SECTION("metadata") {
    CHECK(refusal(f.socket, f.socket->write_metadata(f.response)) == expected(unanswered));
  }
  SECTION("body") {
    REQUIRE(f.response->set_body("x"));
    CHECK(refusal(f.socket, f.socket->write_piece(f.response, HttpSocket::Piece::Body)) ==
          expected(begun));
  }
  SECTION("trailers") {
    CHECK(refusal(f.socket, f.socket->write_piece(f.response, HttpSocket::Piece::Trailers)) ==
          expected(begun));
  }
  SECTION("end") {
    CHECK(refusal(f.socket, f.socket->write_piece(nullptr, HttpSocket::Piece::End)) ==
          expected(begun));
  }
  SECTION("request") {
    CHECK(refusal(f.socket, f.socket->write_message(f.request)) == HttpErrc::WrongDirection);
  }
  SECTION("read_request") {
    const bool next = state == WriteState::Finished;
    CHECK((f.socket->read_request(f.message(MessageKind::Request)) == Step::Pending) == next);
  }
  SECTION("read_response") {
    CHECK(refusal(f.socket, f.socket->read_response(f.response)) == HttpErrc::WrongDirection);
  }
}

TEST_CASE("before a request was read nothing may be answered") {
  Fixture f;
  CHECK(refusal(f.socket, f.socket->write_message(f.response)) == HttpErrc::OutOfOrder);
  CHECK(refusal(f.socket, f.socket->write_continue()) == HttpErrc::OutOfOrder);
  CHECK(refusal(f.socket, f.socket->read_some(f.request)) == HttpErrc::OutOfOrder);
}

TEST_CASE("a response is one frame, and the connection takes the next request") {
  Fixture f;
  f.reach(WriteState::Empty);
  f.response->headers.add("content-type", "text/plain");
  REQUIRE(f.response->set_body("hi"));
  REQUIRE(f.socket->write_message(f.response) == Step::Done);
  CHECK(f.record.sent == "head 200 content-type=text/plain|body hi|end|");
  CHECK(f.socket->read_state() == ReadState::Empty);
  REQUIRE(f.socket->read_request(f.request) == Step::Pending);
  CHECK(f.record.idle);
  CHECK(f.socket->write_state() == WriteState::Finished);
  CHECK(f.request->filling);
  f.record.request("GET", "/next");
  REQUIRE(f.socket->continue_read() == Step::Done);
  CHECK(f.request->target == "/next");
  CHECK_FALSE(f.request->filling);
}

TEST_CASE("without credit a write is pending, locks its message and goes on") {
  Fixture f;
  f.reach(WriteState::Empty);
  f.record.credit = 3;
  REQUIRE(f.response->set_body("hello"));
  REQUIRE(f.socket->write_message(f.response) == Step::Pending);
  CHECK(f.response->senders == 1);
  CHECK(f.socket->write_continue() == Step::Failed);
  CHECK(f.socket->fault().io.code == EBUSY);
  REQUIRE(f.socket->continue_write() == Step::Pending);
  f.record.credit = 10;
  REQUIRE(f.socket->continue_write() == Step::Done);
  CHECK(f.record.sent == "head 200|body hel|body lo|end|");
  CHECK(f.response->senders == 0);
}

TEST_CASE("100 Continue goes out only to a client that waits for it") {
  const bool waits = GENERATE(false, true);
  Fixture f{waits ? std::uint8_t{link::RequestHead::kExpectContinue} : std::uint8_t{0}};
  f.reach(WriteState::ContinueIssued);
  CHECK(f.record.sent == (waits ? "continue|" : ""));
}

TEST_CASE("a response to HEAD has no body, an HTTP/1.0 client no stream") {
  Fixture f{link::RequestHead::kHead | link::RequestHead::kNoStream};
  f.reach(WriteState::Empty);
  CHECK(refusal(f.socket, f.socket->write_metadata(f.response)) ==
        HttpErrc::NativeStreamUnsupported);
  REQUIRE(f.response->set_body("not sent"));
  REQUIRE(f.socket->write_message(f.response) == Step::Done);
  CHECK(f.record.sent == "head 200|end|");
}

TEST_CASE("a body at its limit is read, one byte more is an error that dropping cures") {
  Fixture f;
  f.socket->limits().body = 4;
  f.record.body = "12345";
  f.record.body_ended = false;
  REQUIRE(f.socket->read_request(f.request) == Step::Done);
  CHECK(f.request->body() == "1234");
  CHECK(f.socket->read_state() == ReadState::BodyReady);
  CHECK(refusal(f.socket, f.socket->read_some(f.request)) == HttpErrc::BodyTooLarge);
  f.request->clear_body();
  f.record.body_ended = true;
  REQUIRE(f.socket->read_some(f.request) == Step::Done);
  CHECK(f.request->body() == "5");
  CHECK(f.socket->read_state() == ReadState::Finished);
}

TEST_CASE("a response of known length holds what it promised") {
  Fixture f;
  f.reach(WriteState::Empty);
  f.response->headers.add("content-length", "3");
  REQUIRE(f.socket->write_metadata(f.response) == Step::Done);
  REQUIRE(f.response->set_body("1234"));
  CHECK(refusal(f.socket, f.socket->write_piece(f.response, HttpSocket::Piece::Body)) ==
        HttpErrc::ContentLengthMismatch);
  REQUIRE(f.response->set_body("12"));
  REQUIRE(f.socket->write_piece(f.response, HttpSocket::Piece::Body) == Step::Done);
  CHECK(refusal(f.socket, f.socket->write_piece(nullptr, HttpSocket::Piece::End)) ==
        HttpErrc::ContentLengthMismatch);
}

TEST_CASE("a client that is gone ends reads and writes") {
  Fixture f;
  f.reach(WriteState::Empty);
  f.record.closed = true;
  CHECK(f.socket->write_message(f.response) == Step::Failed);
  CHECK(f.socket->fault().io.code == EPIPE);
  CHECK_FALSE(f.socket->is_open());
}
