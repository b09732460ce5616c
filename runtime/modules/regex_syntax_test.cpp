#include "runtime/modules/regex_syntax.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <vector>

namespace perilune::runtime {
namespace {

constexpr auto kBasic = RegexGrammar::Basic;
constexpr auto kExtended = RegexGrammar::Extended;
constexpr auto kEcma = RegexGrammar::Ecma;

RegexTranslation translate(std::string_view pattern, RegexGrammar grammar = kEcma) {
  return translate_regex(pattern, {grammar, false, false});
}

RegexError refused(std::string_view pattern, RegexGrammar grammar = kEcma) {
  INFO(pattern);
  try {
    (void)translate(pattern, grammar);
  } catch (const RegexError& error) {
    CHECK(error.offset <= pattern.size());
    return error;
  }
  FAIL("accepted");
  return {};
}

TEST_CASE("a pattern of each grammar becomes one of RE2's") {
  CHECK(translate("a(b|c)*d").text == "a(b|c)*d");
  CHECK(translate("(?:a+?)$").text == "(?:a+?)\\z");
  CHECK(translate("[^a]").text == "[\\x00-\\x60b-\\xff]");
  CHECK(translate("[]").text == "[^\\x00-\\xff]");
  CHECK(translate(R"(\x41\u0042\cJ\/)").text == "AB\\x0a\\x2f");
  CHECK(translate(R"(\(a\)\{2,3\}*b\{1\})", kBasic).text == "(?:(a){2,3})*b{1}");
  CHECK(translate("^*a+?{1}|(b)$", kBasic).text ==
        "\\A\\x2aa\\x2b\\x3f\\x7b1\\x7d\\x7c\\x28b\\x29\\z");
  CHECK(translate(R"(a^b$c\(^d$\))", kBasic).text == "a\\x5eb\\x24c(\\Ad\\z)");
  CHECK(translate("^^a", kBasic).text == "\\A\\x5ea");
  CHECK(translate(R"([]a]|[^]-]|[a\])", kExtended).text ==
        "[\\x5da]|[\\x00-\\x2c\\x2e-\\x5c\\x5e-\\xff]|[\\x5ca]");
  CHECK(translate("[[:digit:][:blank:]_-]|[[.-.]-0]|[[=a=]]", kExtended).text ==
        "[\\x09\\x20\\x2d0-9\\x5f]|[\\x2d-0]|a");
  CHECK(translate_regex("aB[c-]", {kEcma, true, false}).text == "[Aa][Bb][\\x2dCc]");
  CHECK(translate_regex("(a)(?:b)", {kEcma, false, true}).text == "(?:a)(?:b)");
  CHECK(translate("").text.empty());
  CHECK(translate("a||b", kExtended).text == "a||b");
}

TEST_CASE("what back-tracking alone could match is refused, with its place") {
  CHECK(refused(R"((a)\1)").offset == 3);
  CHECK(refused(R"((a)\1)").reason.find("linear time") != std::string::npos);
  CHECK(refused(R"(\(a\)\1)", kBasic).offset == 5);
  CHECK(refused(R"((a)\1)", kExtended).offset == 3);
  for (const char* pattern : {"x(?=a)", "x(?!a)", "x(?<=a)", "x(?<!a)"}) {
    CHECK(refused(pattern).offset == 1);
    CHECK(refused(pattern).reason.find("look-around") == 0);
  }
}

TEST_CASE("a bad pattern has an offset and a reason") {
  struct Row {
    const char* pattern;
    RegexGrammar grammar;
    std::size_t offset;
    const char* reason;
  };
  const std::vector<Row> rows{
      {"a)", kEcma, 1, "\")\" without \"(\""},
      {"a(b", kEcma, 1, "\"(\" without \")\""},
      {"\\(b", kBasic, 0, "\"(\" without \")\""},
      {"b\\)", kBasic, 1, "\")\" without \"(\""},
      {"*a", kEcma, 0, "nothing to repeat"},
      {"a**", kEcma, 2, "nothing to repeat"},
      {"^*", kExtended, 1, "nothing to repeat"},
      {"(|*)", kExtended, 2, "nothing to repeat"},
      {"a[b", kEcma, 1, "\"[\" without \"]\""},
      {"[]", kExtended, 0, "\"[\" without \"]\""},
      {"[[:alpha:", kExtended, 0, "\"[\" without \"]\""},
      {"[[:what:]]", kEcma, 1, "unknown class [:what:]"},
      {"[[.ab.]]", kBasic, 1, "a collating element here is one byte"},
      {"[b-a]", kEcma, 1, "the range is backwards"},
      {R"([\w-a])", kEcma, 1, "a class cannot be the end of a range"},
      {"a\\", kEcma, 1, "nothing follows the backslash"},
      {"a\\", kBasic, 1, "nothing follows the backslash"},
      {R"(\q)", kEcma, 0, "unknown escape \\q"},
      {R"(\+)", kBasic, 0, "unknown escape \\+"},
      {R"(\xg0)", kEcma, 0, "too few hexadecimal digits"},
      {R"(\u0100)", kEcma, 0, "a pattern matches bytes: no character above \\u00ff"},
      {R"(\012)", kEcma, 0, "octal escapes are not supported"},
      {R"(\c1)", kEcma, 0, "\\c needs a letter"},
      {"(?<name>a)", kEcma, 0, "unknown kind of group"},
      {"a{x", kEcma, 1, "a number must follow the brace"},
      {"a{1", kEcma, 1, "the brace is not closed"},
      {"a{2,1}", kExtended, 1, "the repetition's bounds are backwards"},
      {"a\\{2", kBasic, 1, "the brace is not closed"},
  };
  for (const Row& row : rows) {
    const RegexError error = refused(row.pattern, row.grammar);
    CHECK(error.offset == row.offset);
    CHECK(error.reason == row.reason);
  }
}

TEST_CASE("limits of a pattern, just under and just over") {
  CHECK_NOTHROW(translate(std::string(kRegexPatternLimit, 'a')));
  CHECK(refused(std::string(kRegexPatternLimit + 1, 'a')).offset == kRegexPatternLimit);
  CHECK_NOTHROW(translate("a{1000}"));
  CHECK(refused("a{1001}").reason == "repeated more than 1000 times");
  CHECK(refused("a{99999999999999999999}").reason == "repeated more than 1000 times");
  CHECK_NOTHROW(translate("(a{100}){10}"));
  CHECK(refused("(a{100}){11}").reason.find("nested") != std::string::npos);
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '(') + std::string(depth, ')');
  };
  CHECK_NOTHROW(translate_regex(nested(kRegexDepthLimit), {kEcma, false, true}));
  CHECK_THROWS_AS(translate_regex(nested(kRegexDepthLimit + 1), {kEcma, false, true}), RegexError);
  std::string groups;
  for (int i = 0; i < kRegexGroupLimit; ++i) groups += "(a)";
  CHECK(translate(groups).groups == kRegexGroupLimit);
  CHECK(refused(groups + "(a)").reason == "more than 50 groups");
  const std::string big = "[ace]{830}[ace]{420}b";  // 3 ranges and 1, each time
  CHECK(translate("[ace]{2}").size == 8);
  CHECK_NOTHROW(translate("[ace]{830}[ace]{420}"));
  CHECK(refused(big).reason.find("5000 ranges") != std::string::npos);
}

TEST_CASE("the greatest length of a match and its bytes") {
  constexpr auto kUnbounded = RegexTranslation::kUnbounded;
  CHECK(translate("a{2,5}(b|cd)?").max_length == 7);
  CHECK(translate("a*").max_length == kUnbounded);
  CHECK(translate("(?:a?b?){3}^$").max_length == 6);
  CHECK(translate("(?:^)*").max_length == 0);
  CHECK(translate("(?:(?:a{9}){9}){9}").max_length == 729);
  CHECK(translate("[a-c]x").bytes.count() == 4);
  CHECK(translate(".").bytes.count() == 254);
  CHECK(translate(".", kExtended).bytes.count() == 256);
}

TEST_CASE("whether more bytes could make a match longer") {
  for (const char* pattern : {"\n", "\r?\n", "a|bc", "[ \t]*\n", "(?:ab){3}", "\r\n|\n"}) {
    INFO(pattern);
    CHECK_FALSE(translate(pattern).open_ended);
  }
  for (const char* pattern :
       {"\n+", "\r\n?", "a{1,2}", "a?a", "(?:ab){3,}", "a|ab", "a$", "a\\b"}) {
    INFO(pattern);
    CHECK(translate(pattern).open_ended);
  }
}

}  // namespace
}  // namespace perilune::runtime
