#include "runtime/engine/http_parser.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

constexpr HttpLimits kLimits{.target = 32,
                             .header = 64,
                             .headers = 256,
                             .header_count = 4,
                             .body = 1024,
                             .response_headers = 256,
                             .response_header_count = 4};

/// Feeds a whole message and says how it ended.
struct Parsed {
  test::ScriptVm script;
  HttpMessage message{script.vm(), MessageKind::Request};
  HttpParser parser;
  ParseResult result = ParseResult::NeedMore;

  explicit Parsed(std::string_view bytes, const HttpLimits& limits = kLimits) {
    parser.start(HttpParser::Mode::Request, limits);
    while (!parser.done()) {
      std::size_t consumed = 0;
      result = parser.put(bytes, &message, consumed);
      bytes.remove_prefix(consumed);
      if (result != ParseResult::Progress || (bytes.empty() && !parser.done())) break;
    }
  }
};

std::string with_line(std::string_view line) {
  return "GET / HTTP/1.1\r\nhost: a\r\n" + std::string{line} + "\r\n\r\n";
}

TEST_CASE("a request arrives in a message", "[engine][http]") {
  Parsed got{"POST /a?b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"};
  CHECK(got.parser.done());
  CHECK(got.message.method == "POST");
  CHECK(got.message.target == "/a?b");
  CHECK(got.message.body() == "hello");
  CHECK(got.parser.keep_alive());
}

TEST_CASE("chunks are put together, trailers are kept apart", "[engine][http]") {
  Parsed got{
      "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nsum: 1\r\n\r\n"};
  CHECK(got.parser.done());
  CHECK(got.message.body() == "abcde");
}

TEST_CASE("what is not HTTP/1 is refused", "[engine][http]") {
  const std::string_view bad[] = {
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
      "GET / HTTP/2.0\r\nhost: a\r\n\r\n",
      "GET  / HTTP/1.1\r\nhost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nhost : a\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: -5\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
  };
  for (const std::string_view bytes : bad) {
    INFO(bytes);
    CHECK(Parsed{bytes}.result == ParseResult::Malformed);
  }
}

TEST_CASE("a target is held to its limit", "[engine][http]") {
  const auto get = [](std::size_t length) {
    return "GET /" + std::string(length - 1, 'a') + " HTTP/1.1\r\nhost: a\r\n\r\n";
  };
  CHECK(Parsed{get(kLimits.target)}.parser.done());
  CHECK(Parsed{get(kLimits.target + 1)}.result == ParseResult::LineTooLong);
}

TEST_CASE("headers are held to their number", "[engine][http]") {
  CHECK(Parsed{with_line("a: 1\r\nb: 2\r\nc: 3")}.parser.done());
  CHECK(Parsed{with_line("a: 1\r\nb: 2\r\nc: 3\r\nd: 4")}.result == ParseResult::TooLarge);
}

TEST_CASE("a header line is held to its limit", "[engine][http]") {
  CHECK(Parsed{with_line("a: " + std::string(40, 'x'))}.parser.done());
  CHECK(Parsed{with_line("a: " + std::string(80, 'x'))}.result == ParseResult::LineTooLong);
}

TEST_CASE("a body that the message may not hold stops the reading, not the message",
          "[engine][http]") {
  const auto post = [](std::size_t length) {
    return "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: " + std::to_string(length) + "\r\n\r\n" +
           std::string(length, 'b');
  };
  CHECK(Parsed{post(kLimits.body)}.parser.done());
  CHECK(Parsed{post(kLimits.body + 1)}.result == ParseResult::BodyFull);
}

}  // namespace
}  // namespace perilune::runtime
