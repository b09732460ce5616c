#include "runtime/link/session.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace perilune::link {
namespace {

/// Frames whose payloads live as long as this.
class Frames {
 public:
  Frame make(FrameType type, std::uint32_t stream, Bytes_ payload = {}, std::uint8_t flags = 0) {
    payloads_.push_back(std::make_unique<Bytes_>(std::move(payload)));
    return {{type, flags, static_cast<std::uint16_t>(payloads_.back()->size()), stream},
            *payloads_.back()};
  }
  template <typename Message>
  Frame of(FrameType type, std::uint32_t stream, const Message& message, std::size_t body = 0,
           std::uint8_t flags = 0) {
    Bytes_ payload;
    message.encode(payload);
    payload.resize(payload.size() + body);
    return make(type, stream, std::move(payload), flags);
  }
  Frame data(std::uint32_t stream, std::size_t size, bool end = false,
             FrameType type = FrameType::Data) {
    return make(type, stream, Bytes_(size), end ? kEnd : 0);
  }
  Frame response(std::uint32_t stream, std::size_t body = 0, bool end = false,
                 ResponseHead head = {}) {
    return of(FrameType::Response, stream, head, body, end ? kEnd : 0);
  }
  Frame done(std::uint32_t stream, Outcome outcome = Outcome::Ok) {
    return of(FrameType::Done, stream, Done{outcome, 0, 0, 0});
  }
  Frame credit(FrameType type, std::uint32_t stream, std::uint32_t bytes) {
    Bytes_ payload;
    encode_credit(bytes, payload);
    return make(type, stream, std::move(payload));
  }
  Frame headers(FrameType type, std::uint32_t stream) {
    Bytes_ payload;
    encode_headers({{"a", "b"}}, payload);
    return make(type, stream, std::move(payload));
  }

 private:
  std::vector<std::unique_ptr<Bytes_>> payloads_;
};

struct HostSide : Frames {
  StreamLedger ledger;
  HostSide() { ledger.opened(1, 0); }
  void refused(const Frame& frame, std::string_view why) {
    CHECK_FALSE(ledger.accept(frame));
    CHECK(ledger.reason() == why);
    CHECK_FALSE(ledger.accept(done(1, Outcome::Internal)));
  }
};

TEST_CASE("a response in one frame and its Done are a whole stream", "[link]") {
  HostSide t;
  REQUIRE(t.ledger.accept(t.response(1, 5, true)));
  CHECK(t.ledger.body().size() == 5);
  CHECK(t.ledger.response().status == 200);
  CHECK(t.ledger.complete(1));
  REQUIRE(t.ledger.accept(t.done(1)));
  CHECK(t.ledger.live() == 0);
  CHECK(t.ledger.reason().empty());
}

TEST_CASE("a streamed response may take as much as it has credit", "[link]") {
  HostSide t;
  REQUIRE(t.ledger.accept(t.response(1)));
  for (int i = 0; i < 4; ++i) REQUIRE(t.ledger.accept(t.data(1, 16 * 1024)));
  CHECK(t.ledger.credit_left(1) == 0);
  t.ledger.granted(1, 10);
  REQUIRE(t.ledger.accept(t.data(1, 10)));
  t.refused(t.data(1, 1), "credit_exceeded");
}

TEST_CASE("a response's first bytes cost credit too", "[link]") {
  StreamLedger ledger{10};
  ledger.opened(1, 0);
  Frames f;
  CHECK_FALSE(ledger.accept(f.response(1, 11)));
  CHECK(ledger.reason() == "credit_exceeded");
}

TEST_CASE("what a stream may not send before, between and after", "[link]") {
  HostSide t;
  SECTION("data before a response") { t.refused(t.data(1, 1), "data_unexpected"); }
  SECTION("trailers before a response") {
    t.refused(t.headers(FrameType::ResponseTrailers, 1), "trailers_unexpected");
  }
  SECTION("Continue that nobody asked for") {
    t.refused(t.make(FrameType::Continue, 1), "continue_unexpected");
  }
  SECTION("two responses") {
    REQUIRE(t.ledger.accept(t.response(1)));
    t.refused(t.response(1), "second_response");
  }
  SECTION("data after the end") {
    REQUIRE(t.ledger.accept(t.response(1, 0, true)));
    t.refused(t.data(1, 1), "data_unexpected");
  }
  SECTION("data after trailers") {
    REQUIRE(t.ledger.accept(t.response(1)));
    REQUIRE(t.ledger.accept(t.headers(FrameType::ResponseTrailers, 1)));
    t.refused(t.data(1, 1), "data_unexpected");
  }
  SECTION("a frame that says nothing") {
    REQUIRE(t.ledger.accept(t.response(1)));
    t.refused(t.data(1, 0), "empty_data");
  }
  SECTION("a second Done") {
    REQUIRE(t.ledger.accept(t.done(1, Outcome::ScriptError)));
    t.refused(t.done(1, Outcome::ScriptError), "after_done");
  }
  SECTION("data after Done") {
    REQUIRE(t.ledger.accept(t.done(1, Outcome::Canceled)));
    t.refused(t.data(1, 1), "after_done");
  }
  SECTION("a stream that was never opened") { t.refused(t.done(2), "unknown_stream"); }
  SECTION("Ok without a whole response") {
    REQUIRE(t.ledger.accept(t.response(1)));
    t.refused(t.done(1), "incomplete_ok");
  }
  SECTION("damaged payloads") {
    SECTION("response") { t.refused(t.make(FrameType::Response, 1, Bytes_(3)), "bad_response"); }
    SECTION("done") { t.refused(t.make(FrameType::Done, 1, Bytes_(3)), "bad_done"); }
    SECTION("credit") { t.refused(t.make(FrameType::BodyCredit, 1, Bytes_(4)), "bad_credit"); }
    SECTION("trailers") {
      REQUIRE(t.ledger.accept(t.response(1)));
      t.refused(t.make(FrameType::ResponseTrailers, 1, Bytes_(1)), "bad_trailers");
    }
  }
  SECTION("a frame of the host's") { t.refused(t.make(FrameType::Cancel, 1), "unknown_type"); }
}

TEST_CASE("Continue comes once, and before the response", "[link]") {
  HostSide t;
  t.ledger.opened(2, RequestHead::kExpectContinue);
  SECTION("once") {
    REQUIRE(t.ledger.accept(t.make(FrameType::Continue, 2)));
    t.refused(t.make(FrameType::Continue, 2), "continue_unexpected");
  }
  SECTION("not after") {
    REQUIRE(t.ledger.accept(t.response(2)));
    t.refused(t.make(FrameType::Continue, 2), "continue_unexpected");
  }
}

TEST_CASE("a declared length is kept to the byte", "[link]") {
  HostSide t;
  ResponseHead head;
  head.content_length = 10;
  SECTION("exact") {
    REQUIRE(t.ledger.accept(t.response(1, 4, false, head)));
    REQUIRE(t.ledger.accept(t.data(1, 6, true)));
    REQUIRE(t.ledger.accept(t.done(1)));
  }
  SECTION("more") {
    REQUIRE(t.ledger.accept(t.response(1, 4, false, head)));
    t.refused(t.data(1, 7), "length_exceeded");
  }
  SECTION("less") { t.refused(t.response(1, 9, true, head), "length_short"); }
  SECTION("trailers need chunks") {
    REQUIRE(t.ledger.accept(t.response(1, 4, false, head)));
    t.refused(t.headers(FrameType::ResponseTrailers, 1), "trailers_unexpected");
  }
}

TEST_CASE("responses without a body have none, whatever length they state", "[link]") {
  HostSide t;
  t.ledger.opened(2, RequestHead::kHead);
  ResponseHead head;
  head.content_length = 10;
  SECTION("HEAD") {
    REQUIRE(t.ledger.accept(t.response(2, 0, true, head)));
    REQUIRE(t.ledger.accept(t.done(2)));
  }
  SECTION("HEAD with a body") { t.refused(t.response(2, 1, true, head), "body_not_allowed"); }
  SECTION("304 with a body") {
    head.status = 304;
    t.refused(t.response(1, 1, true, head), "body_not_allowed");
  }
}

TEST_CASE("only credit for what was sent comes back", "[link]") {
  HostSide t;
  t.ledger.sent_body(1, 100);
  REQUIRE(t.ledger.accept(t.credit(FrameType::BodyCredit, 1, 60)));
  CHECK(t.ledger.credit() == 60);
  REQUIRE(t.ledger.accept(t.credit(FrameType::BodyCredit, 1, 40)));
  t.refused(t.credit(FrameType::BodyCredit, 1, 1), "credit_overflow");
}

struct WorkerSide : Frames {
  using V = RequestLedger::Verdict;
  RequestLedger ledger{kInitialCredit, 2};
  Frame request(std::uint32_t stream, std::uint8_t flags = 0, std::uint64_t length = UINT64_MAX) {
    RequestHead head;
    head.method = "GET";
    head.target = "/";
    head.flags = flags;
    head.content_length = length;
    return of(FrameType::Request, stream, head);
  }
  Frame body(std::uint32_t stream, std::size_t size, bool end = false) {
    return data(stream, size, end, FrameType::Body);
  }
  void refused(const Frame& frame, std::string_view why) {
    CHECK(ledger.accept(frame) == V::Violation);
    CHECK(ledger.reason() == why);
  }
};

TEST_CASE("the worker refuses what no host may send", "[link]") {
  WorkerSide t;
  using V = RequestLedger::Verdict;
  REQUIRE(t.ledger.accept(t.request(5, RequestHead::kHasBody)) == V::Take);
  SECTION("an id again") { t.refused(t.request(5), "stream_reused"); }
  SECTION("an id that shrinks") { t.refused(t.request(4), "stream_reused"); }
  SECTION("more streams than agreed") {
    REQUIRE(t.ledger.accept(t.request(6)) == V::Take);
    t.refused(t.request(7), "too_many_streams");
  }
  SECTION("a damaged head") { t.refused(t.make(FrameType::Request, 6, Bytes_(9)), "bad_request"); }
  SECTION("a stream that never was") { t.refused(t.body(9, 1), "unknown_stream"); }
  SECTION("a body that was not announced") {
    REQUIRE(t.ledger.accept(t.request(6)) == V::Take);
    t.refused(t.body(6, 1), "body_unexpected");
  }
  SECTION("a body after its end") {
    REQUIRE(t.ledger.accept(t.body(5, 1, true)) == V::Take);
    t.refused(t.body(5, 1), "body_unexpected");
  }
  SECTION("trailers after the end") {
    REQUIRE(t.ledger.accept(t.body(5, 1, true)) == V::Take);
    t.refused(t.headers(FrameType::Trailers, 5), "trailers_unexpected");
  }
  SECTION("a body beyond its credit") {
    for (int i = 0; i < 4; ++i) REQUIRE(t.ledger.accept(t.body(5, 16 * 1024)) == V::Take);
    t.ledger.granted(5, 3);
    REQUIRE(t.ledger.accept(t.body(5, 3)) == V::Take);
    t.refused(t.body(5, 1), "credit_exceeded");
  }
  SECTION("a body beyond its length") {
    REQUIRE(t.ledger.accept(t.request(6, RequestHead::kHasBody, 3)) == V::Take);
    t.refused(t.body(6, 4), "length_exceeded");
  }
  SECTION("a body short of its length") {
    REQUIRE(t.ledger.accept(t.request(6, RequestHead::kHasBody, 3)) == V::Take);
    t.refused(t.body(6, 2, true), "length_short");
  }
  SECTION("a piece of nothing") { t.refused(t.body(5, 0), "empty_data"); }
  SECTION("two cancels") {
    REQUIRE(t.ledger.accept(t.make(FrameType::Cancel, 5)) == V::Take);
    t.refused(t.make(FrameType::Cancel, 5), "second_cancel");
  }
  SECTION("credit for what was not sent") {
    t.ledger.sent_body(5, 10);
    REQUIRE(t.ledger.accept(t.credit(FrameType::Credit, 5, 10)) == V::Take);
    t.refused(t.credit(FrameType::Credit, 5, 1), "credit_overflow");
  }
  SECTION("what crosses Done is let go") {
    t.ledger.finished(5);
    CHECK(t.ledger.accept(t.body(5, 1)) == V::Ignore);
    CHECK(t.ledger.accept(t.make(FrameType::Cancel, 5)) == V::Ignore);
  }
}

TEST_CASE("a stream's record is as new when its memory is used again", "[link]") {
  WorkerSide t;
  using V = RequestLedger::Verdict;
  REQUIRE(t.ledger.accept(t.request(1, RequestHead::kHasBody)) == V::Take);
  REQUIRE(t.ledger.accept(t.make(FrameType::Cancel, 1)) == V::Take);
  t.ledger.finished(1);
  REQUIRE(t.ledger.accept(t.request(2)) == V::Take);
  CHECK(t.ledger.accept(t.make(FrameType::Cancel, 2)) == V::Take);
  CHECK(t.ledger.credit_left(2) == kInitialCredit);
}

TEST_CASE("bodies start with 64 KiB of credit or the app's larger window", "[link]") {
  Limits limits;
  limits.set(Limit::StreamWindow, 4096);
  CHECK(stream_window(limits) == kInitialCredit);
  limits.set(Limit::StreamWindow, 1 << 20);
  CHECK(stream_window(limits) == 1 << 20);
}

}  // namespace
}  // namespace perilune::link
