#include "host/http1/chunks.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace perilune;
using http1::ChunkDecoder;
using Event = ChunkDecoder::Event;

namespace {

struct Decoded {
  std::string body;
  std::string verdict;  ///< "end", "more" or the refusal's code
  std::string rest;
  std::string trailers;
};

Decoded decode(const std::string& bytes, std::uint64_t most = 1 << 20, std::size_t piece = 0,
               http1::HeadLimits limits = {}) {
  ChunkDecoder decoder{most, limits};
  Decoded result;
  Event event = Event::NeedMore;
  std::size_t at = 0;
  while (at < bytes.size() && event == Event::NeedMore) {
    const std::size_t size = piece == 0 ? bytes.size() : std::min(piece, bytes.size() - at);
    const std::string copy = bytes.substr(at, size);
    std::string_view view{copy};
    std::string_view data;
    do {
      event = decoder.next(view, data);
      if (event == Event::Data) result.body += data;
    } while (event == Event::Data);
    at += copy.size() - view.size();
  }
  result.rest = bytes.substr(at);
  result.verdict = event == Event::End       ? "end"
                   : event == Event::Refused ? std::string{decoder.refusal().code}
                                             : "more";
  if (event == Event::End) {
    for (const auto& field : decoder.trailers())
      result.trailers += std::string{field.name} + '=' + std::string{field.value} + ';';
  }
  return result;
}

}  // namespace

TEST_CASE("chunked bodies come out whole however they are cut") {
  const std::string bytes =
      "5\r\nhello\r\n006;a=\"b\"\r\n world\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\nGET";
  for (std::size_t piece = 0; piece < 20; ++piece) {
    CAPTURE(piece);
    const Decoded result = decode(bytes, 1 << 20, piece);
    CHECK(result.verdict == "end");
    CHECK(result.body == "hello world0123456789");
    CHECK(result.trailers == "X-Sum=1;");
    CHECK(result.rest == "GET");
  }
}

TEST_CASE("damaged chunks are refused") {
  const std::string hostile[] = {
      "5\nhello\n0\n\n",
      "5\r\nhello\n0\r\n\r\n",
      "5\r\nhelloXX0\r\n\r\n",
      "5\r\nhello0\r\n\r\n",
      "\r\n",
      " 5\r\nhello\r\n",
      "5 \r\nhello\r\n",
      "-5\r\nhello\r\n",
      "+5\r\nhello\r\n",
      "0x5\r\nhello\r\n",
      "g\r\n",
      ";a=b\r\n",
      "5\rhello\r\n",
      "5;a\nhello\r\n",
      "5;a\rb\r\nhello\r\n",
      "FFFFFFFFFFFFFFFF\r\n",
      "20000000000001\r\n",
      "00000000000000005\r\n",
      "0\r\nX : 1\r\n\r\n",
      "0\r\n X: 1\r\n\r\n",
      "0\r\nX: 1\n\r\n",
      "0\r\n\n",
      "0\r\nHost: b\r\n\r\n",
      "0\r\nContent-Length: 5\r\n\r\n",
      "0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "0\r\ncontent_length: 5\r\n\r\n",
      std::string{"5;a=\0\r\nhello\r\n", 14},
      std::string{"0\r\nX: \0\r\n\r\n", 11},
  };
  for (const std::string& bytes : hostile) {
    CAPTURE(bytes);
    CHECK(decode(bytes).verdict == "bad_request");
    CHECK(decode(bytes, 1 << 20, 1).verdict == "bad_request");
  }
}

TEST_CASE("a chunk's size line has an end") {
  const std::string under = "1;" + std::string(254, 'x') + "\r\na\r\n0\r\n\r\n";
  const std::string over = "1;" + std::string(256, 'x') + "\r\na\r\n0\r\n\r\n";
  CHECK(decode(under).verdict == "end");
  CHECK(decode(over).verdict == "bad_request");
}

TEST_CASE("a body counts with its framing") {
  const std::string bytes = "5\r\nhello\r\n0\r\n\r\n";
  CHECK(decode(bytes, bytes.size()).verdict == "end");
  CHECK(decode(bytes, bytes.size() - 3).verdict == "body_too_large");
  CHECK(decode(bytes, bytes.size() - 3, 1).verdict == "body_too_large");
  CHECK(decode("5\r\nhello", 4).verdict == "body_too_large");
}

TEST_CASE("trailers are held against the limits of headers") {
  http1::HeadLimits limits;
  limits.header = 20;
  limits.headers = 50;
  limits.count = 3;
  const auto with = [&](const std::string& trailers) {
    return decode("0\r\n" + trailers + "\r\n", 1 << 20, 0, limits).verdict;
  };
  CHECK(with("X: " + std::string(17, 'x') + "\r\n") == "end");
  CHECK(with("X: " + std::string(18, 'x') + "\r\n") == "headers_too_large");
  CHECK(with("A: 1\r\nB: 1\r\nC: 1\r\n") == "end");
  CHECK(with("A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n") == "headers_too_large");
  const std::string twenty = "X: " + std::string(15, 'x') + "\r\n";
  CHECK(with(twenty + twenty + "X: 45678\r\n") == "end");
  CHECK(with(twenty + twenty + "X: 456789\r\n") == "headers_too_large");
}
