#include "host/http1/response.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace perilune;

namespace {

std::string fault(unsigned status, std::vector<link::Header> headers = {},
                  std::string_view reason = {}) {
  link::ResponseHead head;
  head.status = static_cast<std::uint16_t>(status);
  head.reason = reason;
  head.headers = std::move(headers);
  return std::string{http1::response_fault(head, Limits{})};
}

}  // namespace

TEST_CASE("an app's head that is no HTTP is refused") {
  CHECK(fault(200).empty());
  CHECK(fault(599).empty());
  for (const unsigned status : {0U, 99U, 100U, 101U, 103U, 199U, 600U, 1000U, 65535U})
    CHECK_FALSE(fault(status).empty());
  CHECK(fault(200, {{"x-a", "b\tc"}}).empty());
  CHECK_FALSE(fault(200, {{"", "b"}}).empty());
  CHECK_FALSE(fault(200, {{"x a", "b"}}).empty());
  CHECK_FALSE(fault(200, {{"x:", "b"}}).empty());
  CHECK_FALSE(fault(200, {{"x\r\nset-cookie", "b"}}).empty());
  CHECK_FALSE(fault(200, {{"x", "a\r\nset-cookie: b"}}).empty());
  CHECK_FALSE(fault(200, {{"x", "a\nb"}}).empty());
  CHECK_FALSE(fault(200, {{"x", std::string_view{"a\0b", 3}}}).empty());
  CHECK_FALSE(fault(200, {}, "OK\r\nX: 1").empty());
  CHECK(fault(200, {}, "Fine").empty());
}

TEST_CASE("a response's head has limits") {
  const Limits limits;
  std::vector<link::Header> many(limits.raw(Limit::ResponseHeaderCount), {"x", "1"});
  CHECK(fault(200, many).empty());
  many.push_back({"x", "1"});
  CHECK_FALSE(fault(200, many).empty());
  const std::string large(limits.raw(Limit::ResponseHeaders) - 5, 'x');
  CHECK(fault(200, {{"x", large}}).empty());
  CHECK_FALSE(fault(200, {{"xy", large}}).empty());
}

TEST_CASE("the host writes the framing, not the app") {
  link::ResponseHead head;
  head.status = 200;
  head.headers = {{"Content-Length", "0"},
                  {"transfer-encoding", "x"},
                  {"Connection", "upgrade"},
                  {"Upgrade", "h2c"},
                  {"Keep-Alive", "1"},
                  {"TE", "x"},
                  {"Trailer", "x"},
                  {"Date", "never"},
                  {"Proxy-Connection", "x"},
                  {"Perilune-Error", "x"},
                  {"perilune-request-id", "x"},
                  {"X-Mine", "1"}};
  std::string out;
  http1::append_head(out, head, {http1::Framing::Body::Length, 3, false},
                     {"id", "today", true, false});
  CHECK(out ==
        "HTTP/1.1 200 OK\r\nX-Mine: 1\r\nDate: today\r\nPerilune-Request-Id: id\r\nContent-Length: "
        "3\r\n\r\n");
  out.clear();
  head.headers.clear();
  head.reason = "Fine";
  http1::append_head(out, head, {http1::Framing::Body::Chunked, 0, false},
                     {"id", "today", false, false});
  CHECK(out ==
        "HTTP/1.1 200 Fine\r\nDate: today\r\nPerilune-Request-Id: id\r\nConnection: "
        "close\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST_CASE("an error is a problem document, or HTML for who asks for it") {
  const ErrorCode& row = error_code("overloaded");
  std::string out;
  http1::append_error(out, {&row, {}, "*/*", false}, {"id", "today", true, false});
  CHECK(out.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
  CHECK(out.find("Content-Type: application/problem+json\r\n") != std::string::npos);
  CHECK(out.find("Perilune-Error: overloaded\r\n") != std::string::npos);
  CHECK(out.find("Retry-After: 1\r\n") != std::string::npos);
  CHECK(out.find(R"("code":"overloaded","request_id":"id")") != std::string::npos);
  out.clear();
  http1::append_error(out, {&row, {}, "text/html,*/*", false}, {"id", "today", true, false});
  CHECK(out.find("Content-Type: text/html; charset=utf-8\r\n") != std::string::npos);
  out.clear();
  http1::append_error(out, {&row, {}, {}, true}, {"id", "today", true, false});
  CHECK(out.ends_with("\r\n\r\n"));
}

TEST_CASE("chunks and dates are written as RFC 9112 and 9110 want them") {
  std::string out;
  http1::append_chunk_size(out, 31);
  http1::append_last_chunk(out, {{"X-Sum", "1"}, {"Content-Length", "5"}});
  CHECK(out == "1f\r\n0\r\nX-Sum: 1\r\n\r\n");
  CHECK(http1::http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
}
