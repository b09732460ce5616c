#include "runtime/modules/http_output.hpp"

#include <catch2/catch.hpp>

#include "runtime/modules/http_options.hpp"
#include "runtime/vm/vm_fixture.hpp"

using namespace perilune;
using namespace perilune::runtime;

namespace {

struct Fixture {
  HttpErrc check(HeadPurpose purpose = {}) {
    const auto fault = prepare_head(message, purpose, limits, head);
    detail = fault ? fault->detail : "";
    return fault ? fault->http : HttpErrc{};
  }
  runtime::testing::Script script;
  HttpMessage message{*script.vm, MessageKind::Response};
  HttpLimits limits = http_limits_of(*script.vm);
  OutgoingHead head;
  std::string detail;
};

}  // namespace

TEST_CASE("what could split a response never gets out, and the error names the field") {
  Fixture f;
  const auto [name, value] = GENERATE(table<std::string, std::string>({
      {"x-a", "1\r\nset-cookie: evil"},
      {"x-a", std::string{"nul\0", 4}},
      {"x-a", "bare\nlf"},
      {"x-a\r\nb", "1"},
      {"x a", "1"},
      {"", "1"},
      {"x:", "1"},
  }));
  f.message.headers.add(name, value);
  CHECK(f.check() == HttpErrc::InvalidHeader);
  CHECK(f.detail.find("header '") == 0);
}

TEST_CASE("reason, method and target are checked too") {
  Fixture f;
  f.message.reason = "OK\r\nx: y";
  CHECK(f.check() == HttpErrc::InvalidHeader);
  HttpMessage request{*f.script.vm, MessageKind::Request};
  request.target = "/a b";
  CHECK(prepare_head(request, {}, f.limits, f.head)->detail == "target '/a b'");
  request.target = "/";
  request.method = "GE T";
  CHECK(prepare_head(request, {}, f.limits, f.head)->detail == "method 'GE T'");
}

TEST_CASE("headers at the limits pass, one more does not") {
  Fixture f;
  f.limits.response_header_count = 2;
  f.limits.response_headers = 12;
  f.message.headers.add("a", "1");
  f.message.headers.add("b", "2");
  CHECK(f.check() == HttpErrc{});
  SECTION("by count") {
    f.limits.response_headers = 100;
    f.message.headers.add("c", "3");
    CHECK(f.check() == HttpErrc::HeadersTooLarge);
  }
  SECTION("by bytes") {
    f.message.headers.remove("b");
    f.message.headers.add("b", "22");
    CHECK(f.check() == HttpErrc::HeadersTooLarge);
  }
}

TEST_CASE("the socket frames: lengths that lie and codings are refused, connection is taken out") {
  Fixture f;
  CHECK(f.message.set_body("four"));
  SECTION("lying length") {
    f.message.headers.add("content-length", "5");
    CHECK(f.check() == HttpErrc::ContentLengthMismatch);
    CHECK(f.check({true, true, false}) == HttpErrc{});
    CHECK(f.head.response.content_length == 5);
    CHECK_FALSE(f.head.send_body);
  }
  SECTION("two lengths") {
    f.message.headers.add("content-length", "4");
    f.message.headers.add("Content-Length", "04x");
    CHECK(f.check() == HttpErrc::InvalidHeader);
  }
  SECTION("coding") {
    f.message.headers.add("transfer-encoding", "gzip");
    CHECK(f.check() == HttpErrc::InvalidHeader);
  }
  SECTION("connection") {
    f.message.headers.add("Connection", "Close");
    CHECK(f.check() == HttpErrc{});
    CHECK(f.head.close);
    CHECK(f.head.response.headers.empty());
  }
}

TEST_CASE("204 and 304 have no body, and none can be streamed") {
  Fixture f;
  CHECK(f.message.set_body("x"));
  f.message.status = GENERATE(std::uint16_t{204}, std::uint16_t{304});
  CHECK(f.check() == HttpErrc{});
  CHECK_FALSE(f.head.send_body);
  CHECK_FALSE(f.head.has_length);
  CHECK(f.check({false, false, false}) == HttpErrc::InvalidHeader);
}

TEST_CASE("trailers can't frame") {
  Fixture f;
  HeaderMap trailers;
  trailers.add("x-checksum", "1");
  CHECK_FALSE(check_trailers(trailers, f.limits));
  trailers.add("content-length", "1");
  CHECK(check_trailers(trailers, f.limits)->http == HttpErrc::InvalidHeader);
}
