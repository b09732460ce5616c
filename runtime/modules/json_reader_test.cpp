#include "runtime/modules/json_reader.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "runtime/modules/json_utf8.hpp"

namespace perilune::runtime {
namespace {

bool never(void*) { return false; }

bool count(void* polls) { return ++*static_cast<int*>(polls) > 3; }

double number_of(const std::string& text) {
  JsonReader reader{text, {never, nullptr}};
  double value = 0;
  REQUIRE(reader.peek() != -1);
  if (!reader.read_number(value)) return std::nan("");
  CHECK(reader.at_end());
  return value;
}

TEST_CASE("a scan stops at each byte that is special, wherever it stands") {
  for (int special = 0; special < 256; ++special) {
    for (std::size_t at = 0; at < 20; ++at) {
      std::string text(20, 'x');
      text[at] = static_cast<char>(special);
      const char* stop = skip_plain(text.data(), text.data() + text.size());
      const bool passes = !kJsonSpecial[static_cast<unsigned>(special)];
      CHECK(static_cast<std::size_t>(stop - text.data()) == (passes ? text.size() : at));
    }
  }
}

TEST_CASE("a scan is not led astray by what follows a special byte") {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text{
          'a', static_cast<char>(first), static_cast<char>(second), 'b', 'c', 'd', 'e', 'f'};
      std::size_t expected = 1;
      while (expected < text.size() && !kJsonSpecial[static_cast<unsigned char>(text[expected])])
        ++expected;
      const char* stop = skip_plain(text.data(), text.data() + text.size());
      REQUIRE(static_cast<std::size_t>(stop - text.data()) == expected);
    }
  }
}

TEST_CASE("each code point's UTF-8 is known, and nothing else") {
  std::size_t valid = 0;
  for (unsigned bytes = 0; bytes < 0x1000000; bytes += bytes < 0x800000 ? 0x800000 : 1) {
    const std::string text{static_cast<char>(bytes >> 16U), static_cast<char>(bytes >> 8U & 0xFFU),
                           static_cast<char>(bytes & 0xFFU)};
    if (bytes >= 0x800000 && utf8_sequence(text.data(), text.data() + 3) == 3) ++valid;
  }
  CHECK(valid == 0x10000 - 0x800 - 0x800);
  const auto size = [](std::string_view text) {
    return utf8_sequence(text.data(), text.data() + text.size());
  };
  CHECK(size("\xC2\x80") == 2);
  CHECK(size("\xDF\xBF") == 2);
  CHECK(size("\xC1\xBF") == 0);
  CHECK(size("\xC2") == 0);
  CHECK(size("\xF0\x90\x80\x80") == 4);
  CHECK(size("\xF0\x8F\xBF\xBF") == 0);
  CHECK(size("\xF4\x8F\xBF\xBF") == 4);
  CHECK(size("\xF4\x90\x80\x80") == 0);
  CHECK(size("\xF5\x80\x80\x80") == 0);
  CHECK(size("\xF0\x90\x80") == 0);
}

TEST_CASE("numbers are rounded to the nearest double") {
  CHECK(number_of("0") == 0);
  CHECK(std::signbit(number_of("-0")));
  CHECK(number_of("999999999999999") == 999999999999999);
  CHECK(number_of("-1000000000000000") == -1000000000000000.0);
  CHECK(number_of("9007199254740993") == 9007199254740992.0);
  CHECK(number_of("9007199254740993.0000000000000000000000000001") == 9007199254740994.0);
  CHECK(number_of("8.98846567431158e307") == 8.98846567431158e307);
  CHECK(number_of("2.2250738585072011e-308") == 2.2250738585072011e-308);
  CHECK(number_of("2.4703282292062328e-324") == 4.9406564584124654e-324);
  CHECK(number_of("2.4703282292062327e-324") == 0);
  CHECK(number_of("1e-99999") == 0);
  CHECK(number_of("0e99999") == 0);
  CHECK(number_of("1.7976931348623158e308") == 1.7976931348623157e308);
  CHECK(std::isnan(number_of("1.7976931348623159e308")));
}

TEST_CASE("a long text is read in windows, and the poll may stop it in any token") {
  for (const std::string& text :
       {std::string(100000, ' '), "\"" + std::string(100000, 'x'), "\"" + std::string(100000, '\n'),
        std::string{"\""} + std::string(100000, '\\'), "\"\xC3\xA9" + std::string(99999, 'e')}) {
    int polls = 0;
    JsonReader reader{text, {count, &polls}};
    std::string_view raw;
    bool escaped = false;
    const bool string = reader.peek() != -1;
    CHECK_FALSE((string && reader.read_string(raw, escaped)));
    if (text[1] == '\n') continue;
    CHECK(reader.stopped());
    CHECK(polls == 4);
  }
}

TEST_CASE("what reaches over a window's end is read whole") {
  for (std::size_t before = JsonReader::kWindow - 8; before < JsonReader::kWindow + 8; ++before) {
    for (const std::string_view piece : {"\xF0\x9F\x98\x80", "\\n", "\\ud83d\\ude00", "x"}) {
      const std::string text =
          "\"" + std::string(before, 'a') + std::string{piece} + std::string(20000, 'b') + "\"  ";
      JsonReader reader{text, {never, nullptr}};
      std::string_view raw;
      bool escaped = false;
      REQUIRE(reader.peek() == '"');
      REQUIRE(reader.read_string(raw, escaped));
      CHECK(raw == std::string_view{text}.substr(1, text.size() - 4));
      CHECK(reader.peek() == -1);
      std::string plain(raw.size(), '\0');
      const auto size = reader.unescape(raw, plain.data());
      CHECK(size >= static_cast<std::ptrdiff_t>(before + 20001));
    }
  }
}

}  // namespace
}  // namespace perilune::runtime
