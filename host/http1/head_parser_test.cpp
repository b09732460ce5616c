#include "host/http1/head_parser.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace perilune;
using http1::HeadParser;
using Step = HeadParser::Step;

namespace {

/// The refusal's code, "ok", or "more".
std::string verdict(const std::string& bytes, http1::HeadLimits limits = {}) {
  HeadParser parser{limits};
  http1::RequestHead head;
  const Step step = parser.parse(bytes, head);
  if (step == Step::Complete) return "ok";
  return step == Step::NeedMore ? "more" : std::string{parser.refusal().code};
}

/// The same, fed byte by byte from a buffer that moves.
std::string verdict_bytewise(const std::string& bytes, http1::HeadLimits limits = {}) {
  HeadParser parser{limits};
  http1::RequestHead head;
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    const std::string prefix = bytes.substr(0, size);
    const Step step = parser.parse(prefix, head);
    if (step == Step::Complete) return "ok";
    if (step == Step::Refused) return std::string{parser.refusal().code};
  }
  return "more";
}

const std::string kHost = "Host: a.test\r\n";
std::string get(const std::string& fields) { return "GET / HTTP/1.1\r\n" + fields + "\r\n"; }
std::string post(const std::string& fields) {
  return "POST / HTTP/1.1\r\n" + kHost + fields + "\r\n";
}
std::string line(const std::string& request_line) { return request_line + "\r\n" + kHost + "\r\n"; }

}  // namespace

TEST_CASE("well-formed heads are understood") {
  const std::string fine[] = {
      get(kHost),
      "\r\n" + get(kHost),
      get("host:a.test\r\n"),
      get("HOST: \t a.test \t\r\n"),
      get("Host: a.test:8080\r\n"),
      get(kHost + "X-Empty:\r\n"),
      get(kHost + "X: a\tb\r\n"),
      get(kHost + "X: \xC3\xA9\r\n"),
      get(kHost + "!#$%&'*+-.^_`|~09azAZ: 1\r\n"),
      get(kHost + "Connection: close, x\r\n"),
      get(kHost + "TE: trailers\r\n"),
      get(kHost + "X_Custom: 1\r\n"),
      line("GET /?a=b&c={d}|\"e\" HTTP/1.1"),
      line("GET /%00%2e%2e/\\ HTTP/1.1"),
      line("GET // HTTP/1.1"),
      line("GET http://b.test/ HTTP/1.1"),
      line("GET HTTPS://b.test HTTP/1.1"),
      line("OPTIONS * HTTP/1.1"),
      line("M-SEARCH / HTTP/1.1"),
      line("DELETE /x HTTP/1.0"),
      post("Content-Length: 0\r\n"),
      post("Content-Length: 5\r\n"),
      post("Content-Length: 5 \t\r\n"),
      post("Content-Length: 0000000000000005\r\n"),
      post("Content-Length: 9007199254740992\r\n"),
      post("Transfer-Encoding: chunked\r\n"),
      post("Transfer-Encoding: CHUNKED \r\n"),
      post("Transfer-Encoding: chunked\r\nTrailer: X\r\n"),
      post("Expect: 100-continue\r\nContent-Length: 5\r\n"),
      post("Expect: something\r\nContent-Length: 5\r\n"),
  };
  for (const std::string& bytes : fine) {
    CAPTURE(bytes);
    CHECK(verdict(bytes) == "ok");
    CHECK(verdict_bytewise(bytes) == "ok");
  }
}

TEST_CASE("heads with two readings or none are refused") {
  const std::string hostile[] = {
      // lines
      "GET / HTTP/1.1\nHost: a.test\n\n",
      "GET / HTTP/1.1\r\nHost: a.test\n\r\n",
      "GET / HTTP/1.1\r\nHost: a.test\r\n\n",
      get(kHost + "X: a\rb\r\n"),
      get(kHost + "X: a\r\r\n"),
      "GET / HTTP/1.1\r" + kHost + "\r\n\r\n",
      get(kHost + "X: 1\r\n folded\r\n"),
      get(kHost + "X: 1\r\n\tfolded\r\n"),
      get(" " + kHost),
      "\r\n\r\n" + get(kHost),
      "\r\n\r\n\r\n\r\n" + get(kHost),
      "\n" + get(kHost),
      " " + get(kHost),
      // request line
      "GET /\r\n\r\n",
      "GET\r\n\r\n",
      "/ HTTP/1.1\r\n" + kHost + "\r\n",
      line("GET  / HTTP/1.1"),
      line("GET / HTTP/1.1 "),
      line("GET /\tHTTP/1.1"),
      line("GET / /x HTTP/1.1"),
      line(" GET / HTTP/1.1"),
      line("get / HTTP/1.1"),
      line("Get / HTTP/1.1"),
      line("G@T / HTTP/1.1"),
      line("G\xC3\x89T / HTTP/1.1"),
      line(std::string(33, 'A') + " / HTTP/1.1"),
      line("GET / HTTP/1.2"),
      line("GET / HTTP/1.9"),
      line("GET / HTTP/0.9"),
      line("GET / HTTP/2.0"),
      line("GET / HTTP/1.10"),
      line("GET / HTTP/01.1"),
      line("GET / http/1.1"),
      line("GET / HTTPS/1.1"),
      line("GET / HTTP/1.1x"),
      line("GET / ICY"),
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      std::string{"\x16\x03\x01\x02\x00\x01", 6},
      std::string{"\x00", 1},
      "\x80",
      "{",
      // target
      line(std::string{"GET /\0 HTTP/1.1", 15}),
      line("GET /\x7F HTTP/1.1"),
      line("GET /\x01 HTTP/1.1"),
      line("GET /\xC3\xA9 HTTP/1.1"),
      line("GET /#x HTTP/1.1"),
      line("GET x HTTP/1.1"),
      line("GET * HTTP/1.1"),
      line("GET a.test/ HTTP/1.1"),
      line("CONNECT a.test:443 HTTP/1.1"),
      line("GET http:// HTTP/1.1"),
      line("GET http:///x HTTP/1.1"),
      line("GET http://b.test?x HTTP/1.1"),
      line("GET ftp://b.test/ HTTP/1.1"),
      line("GET ?x HTTP/1.1"),
      // names
      get(kHost + ": empty\r\n"),
      get(kHost + "X Y: 1\r\n"),
      get(kHost + "X : 1\r\n"),
      get(kHost + "X\t: 1\r\n"),
      get(kHost + "X;: 1\r\n"),
      get(kHost + "X\"Y: 1\r\n"),
      get(kHost + "(X): 1\r\n"),
      get(kHost + "X\x7F: 1\r\n"),
      get(kHost + "\xC3\xA9: 1\r\n"),
      get(kHost + "NoColon\r\n"),
      get(kHost + std::string{"Ho\0st: b\r\n", 10}),
      get("Host : a.test\r\n"),
      // values
      get(kHost + std::string{"X: a\0b\r\n", 8}),
      get(kHost + "X: \x01\r\n"),
      get(kHost + "X: \x7F\r\n"),
      get(kHost + "X: \x1B[0m\r\n"),
      get(kHost + "X: \x0B\r\n"),
      // host
      get(""),
      get("Host: \r\n"),
      get("Host:\r\n"),
      get(kHost + kHost),
      get(kHost + "host: b.test\r\n"),
      "GET / HTTP/1.0\r\n\r\n",
      "GET http://b.test/ HTTP/1.1\r\n\r\n",
      "GET http://b.test/ HTTP/1.1\r\n" + kHost + kHost + "\r\n",
      // length
      post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
      post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
      post("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
      post("Content-Length: 5\r\nContent-Length: 5\r\n"),
      post("Content-Length: 5\r\ncontent-length: 6\r\n"),
      post("Content-Length: 5, 5\r\n"),
      post("Content-Length: -1\r\n"),
      post("Content-Length: +5\r\n"),
      post("Content-Length: 0x5\r\n"),
      post("Content-Length: 5a\r\n"),
      post("Content-Length: 5 5\r\n"),
      post("Content-Length: 1e3\r\n"),
      post("Content-Length: 5.0\r\n"),
      post("Content-Length: \r\n"),
      post("Content-Length: 9007199254740993\r\n"),
      post("Content-Length: 99999999999999999\r\n"),
      post("Content-Length: 18446744073709551621\r\n"),
      post(std::string{"Content-Length: 5\0\r\n", 20}),
      post("Content_Length: 5\r\n"),
      post("content_length: 5\r\n"),
      post("Transfer_Encoding: chunked\r\n"),
      // coding
      post("Transfer-Encoding: xchunked\r\n"),
      post("Transfer-Encoding: identity\r\n"),
      post("Transfer-Encoding: gzip, chunked\r\n"),
      post("Transfer-Encoding: chunked, identity\r\n"),
      post("Transfer-Encoding: chunked, chunked\r\n"),
      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"),
      post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      post("Transfer-Encoding: \"chunked\"\r\n"),
      post("Transfer-Encoding: chunked;x=1\r\n"),
      post("Transfer-Encoding:\r\n"),
      post("Transfer-Encoding: \x0B"
           "chunked\r\n"),
      post("Transfer-Encoding : chunked\r\n"),
      "POST / HTTP/1.0\r\n" + kHost + "Transfer-Encoding: chunked\r\n\r\n",
  };
  for (const std::string& bytes : hostile) {
    CAPTURE(bytes);
    CHECK(verdict(bytes) == "bad_request");
    CHECK(verdict_bytewise(bytes) == "bad_request");
  }
}

TEST_CASE("each limit of a head holds just over and not just under") {
  http1::HeadLimits limits;
  limits.target = 100;
  limits.header = 60;
  limits.headers = 200;
  limits.count = 5;
  const auto target = [](std::size_t size) {
    return line("GET /" + std::string(size - 1, 'x') + " HTTP/1.1");
  };
  CHECK(verdict(target(100), limits) == "ok");
  CHECK(verdict(target(101), limits) == "uri_too_long");
  CHECK(verdict(target(500), limits) == "uri_too_long");
  const auto header = [](std::size_t size) {
    return get(kHost + "X: " + std::string(size - 3, 'x') + "\r\n");
  };
  CHECK(verdict(header(60), limits) == "ok");
  CHECK(verdict(header(61), limits) == "headers_too_large");
  std::string many = kHost;
  for (int i = 0; i < 4; ++i) many += "X: 1\r\n";
  CHECK(verdict(get(many), limits) == "ok");
  CHECK(verdict(get(many + "X: 1\r\n"), limits) == "headers_too_large");
  // 14 of Host + 3 * 50 + 36 = 200
  const std::string fifty = "X: " + std::string(45, 'x') + "\r\n";
  const auto block = [&](std::size_t last) {
    return get(kHost + fifty + fifty + fifty + "X: " + std::string(last - 5, 'x') + "\r\n");
  };
  CHECK(verdict(block(36), limits) == "ok");
  CHECK(verdict(block(37), limits) == "headers_too_large");
}

TEST_CASE("a head without an end is refused at its limit, not at its end") {
  CHECK(verdict("GET /" + std::string(9000, 'x')) == "uri_too_long");
  CHECK(verdict("GET / HTTP/1.1\r\nX: " + std::string(9000, 'x')) == "headers_too_large");
  CHECK(verdict("GET / HTTP/1.1\r\nX: " + std::string(8000, 'x')) == "more");
}

TEST_CASE("a request line is judged when its CRLF is there, whatever follows or does not") {
  CHECK(verdict("GET /\r\n") == "bad_request");
  CHECK(verdict("GET /\r") == "more");
  CHECK(verdict("GET / HTTP/2.0\r\n") == "bad_request");
  CHECK(verdict("\r\nGET x HTTP/1.1\r\n") == "bad_request");
  CHECK(verdict("GET / HTTP/1.1\r\n") == "more");
  http1::HeadLimits limits;
  limits.target = 10;
  CHECK(verdict("GET /" + std::string(10, 'x') + " HTTP/1.1\r\n", limits) == "uri_too_long");
  CHECK(verdict("GET /" + std::string(9, 'x') + " HTTP/1.1\r\n", limits) == "more");
  // The first thing that is wrong is the verdict, in one piece and in many.
  const std::string both = "GET / HTTP/9.9\r\nX: " + std::string(9000, 'x') + "\r\n\r\n";
  CHECK(verdict(both) == "bad_request");
  CHECK(verdict_bytewise(both) == "bad_request");
}

TEST_CASE("a head tells what frames the message") {
  HeadParser parser{{}};
  http1::RequestHead head;
  const std::string bytes =
      "POST http://b.test:81/x?y HTTP/1.1\r\nAccept: text/html\r\nHost: a.test\r\nConnection: "
      "close\r\nExpect: 100-continue\r\nContent-Length: 7\r\nUpgrade: h2c\r\nKeep-Alive: "
      "1\r\n\r\nbody";
  REQUIRE(parser.parse(bytes, head) == Step::Complete);
  CHECK(parser.size() == bytes.size() - 4);
  CHECK(head.method == "POST");
  CHECK(head.target == "/x?y");
  CHECK(head.host == "b.test:81");
  CHECK(head.accept == "text/html");
  CHECK(head.content_length == 7);
  CHECK(head.expect_continue);
  CHECK_FALSE(head.keep_alive);
  std::string names;
  for (const auto& field : head.headers) {
    names += std::string{field.name} + '=' + std::string{field.value} + ';';
  }
  // Hop-by-hop fields are gone; the Host that the app sees is the one that was routed by.
  CHECK(names == "Accept=text/html;Host=b.test:81;Expect=100-continue;Content-Length=7;");
}

TEST_CASE("HTTP/1.0 keeps a connection only when asked") {
  const auto keeps = [](const std::string& bytes) {
    HeadParser parser{{}};
    http1::RequestHead head;
    REQUIRE(parser.parse(bytes, head) == Step::Complete);
    return head.keep_alive;
  };
  CHECK_FALSE(keeps("GET / HTTP/1.0\r\nHost: a\r\n\r\n"));
  CHECK(keeps("GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n"));
  CHECK(keeps("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, CLOSE\r\n\r\n"));
}
