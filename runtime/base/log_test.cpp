#include "runtime/base/log.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace perilune::log {
namespace {

std::string json(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST_CASE("text becomes a JSON string whatever its bytes are", "[base][log]") {
  CHECK(json("plain") == R"("plain")");
  CHECK(json("a\"b\\c\nd\te\rf") == R"("a\"b\\c\nd\te\rf")");
  CHECK(json(std::string_view{"\0\x1f\x7f", 3}) == R"("\u0000\u001f\u007f")");
  CHECK(json("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80") == "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"");
}

TEST_CASE("bytes that are not UTF-8 are replaced one by one", "[base][log]") {
  const std::string bad = "\xEF\xBF\xBD";
  CHECK(json("\xFF") == "\"" + bad + "\"");
  CHECK(json("\xC0\xAF") == "\"" + bad + bad + "\"");            // overlong
  CHECK(json("\xED\xA0\x80") == "\"" + bad + bad + bad + "\"");  // surrogate
  CHECK(json("\xF4\x90\x80\x80") == "\"" + bad + bad + bad + bad + "\"");
  CHECK(json("a\xE2\x82") == "\"a" + bad + bad + "\"");  // cut short
}

TEST_CASE("times are RFC 3339 in UTC with milliseconds", "[base][log]") {
  CHECK(timestamp(0) == "1970-01-01T00:00:00.000Z");
  CHECK(timestamp(1'700'000'000'123) == "2023-11-14T22:13:20.123Z");
}

}  // namespace
}  // namespace perilune::log
