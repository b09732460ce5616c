#include "runtime/modules/regex_program.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <ctime>
#include <random>
#include <regex>
#include <string>
#include <vector>

namespace perilune::runtime {
namespace {

constexpr RegexWork kPlenty{.budget = 1'000'000'000};

RegexProgram compiled(const std::string& pattern, RegexGrammar grammar = RegexGrammar::Ecma,
                      bool nosubs = false) {
  const RegexSyntax syntax{grammar, false, nosubs};
  return RegexProgram{translate_regex(pattern, syntax), syntax, std::size_t{1} << 20U};
}

struct Match {
  RegexFound found;
  std::size_t begin;
  std::size_t end;
  friend bool operator==(const Match&, const Match&) = default;
};

Match search(const RegexProgram& program, std::string_view text, std::size_t from,
             const RegexWork& work = kPlenty) {
  RegexProgram::Pieces pieces;
  const RegexFound found = program.search(text, from, true, pieces, work);
  if (found != RegexFound::Yes) return {found, 0, 0};
  return {found, pieces[0].begin, pieces[0].end};
}

std::string random_text(std::mt19937& random, std::size_t size, std::string_view letters) {
  std::string text;
  while (text.size() < size) text += letters[random() % letters.size()];
  return text;
}

TEST_CASE("anchors and word boundaries see the whole subject") {
  CHECK(search(compiled("^a"), "aa", 1).found == RegexFound::No);
  CHECK(search(compiled("a$"), "aab", 0).found == RegexFound::No);
  CHECK(search(compiled("\\bb"), "ab b", 1) == Match{RegexFound::Yes, 3, 4});
  CHECK(search(compiled(""), {}, 0) == Match{RegexFound::Yes, 0, 0});
  RegexProgram::Pieces pieces;
  CHECK(compiled("").match({}, pieces, kPlenty) == RegexFound::Yes);
  CHECK(pieces[0].matched());
}

TEST_CASE("ECMAScript takes the first alternative, POSIX the longest match") {
  CHECK(search(compiled("a|ab"), "ab", 0).end == 1);
  CHECK(search(compiled("a|ab", RegexGrammar::Extended), "ab", 0).end == 2);
  CHECK(search(compiled("a*?b??"), "aab", 0).end == 0);
}

/// Pieces of patterns that every search must treat alike, however the subject is cut.
std::string random_pattern(std::mt19937& random, int depth) {
  static const std::vector<std::string> kAtoms{"a",    "b",   "[ab]", "[^c]", ".",  "\\b",
                                               "\\w+", "c?",  "^",    "$",    "ab", "(a|b)",
                                               "b*",   "a+?", "c{2}", "\\n",  "\\B"};
  std::string text;
  for (unsigned n = random() % 4 + 1; n > 0; --n) {
    if (depth > 0 && random() % 4 == 0) {
      text += "(" + random_pattern(random, depth - 1) + "|" + random_pattern(random, depth - 1) +
              ")" + (random() % 3 == 0 ? "*" : "");
    } else {
      text += kAtoms[random() % kAtoms.size()];
    }
  }
  return text;
}

TEST_CASE("a subject that is searched in parts gives the same match, or is refused") {
  std::mt19937 random{7};
  int refused = 0;
  int same = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string pattern = random_pattern(random, 2);
    const RegexProgram program = compiled(pattern);
    REQUIRE(program.ok());
    const std::string text = random_text(random, random() % 60, "abc\n ");
    const std::size_t from = text.empty() ? 0 : random() % text.size();
    RegexWork little;
    while (program.call_limit(little) < 4 + random() % 12) little.budget += 8;
    const Match parts = search(program, text, from, little);
    if (parts.found == RegexFound::TooLong) {
      ++refused;
      continue;
    }
    ++same;
    INFO(pattern << " in '" << text << "' from " << from);
    CHECK(parts == search(program, text, from));
  }
  CHECK(same > 1000);
  CHECK(refused > 100);
}

TEST_CASE("the same matches as std::regex") {
  std::mt19937 random{11};
  for (int i = 0; i < 3000; ++i) {
    const std::string pattern = random_pattern(random, 1);
    const std::string text = random_text(random, random() % 12, "abc ");
    INFO(pattern << " in '" << text << "'");
    const std::regex theirs{pattern};
    std::smatch match;
    const bool found = std::regex_search(text, match, theirs);
    const Match ours = search(compiled(pattern), text, 0);
    REQUIRE((ours.found == RegexFound::Yes) == found);
    if (!found) continue;
    CHECK(ours.begin == static_cast<std::size_t>(match.position()));
    CHECK(ours.end == static_cast<std::size_t>(match.position() + match.length()));
  }
}

TEST_CASE("the worst patterns end within their budget") {
  // 12 ms of budget; the bound is wide, for sanitizers and busy machines.
  constexpr RegexWork kSlice{.budget = 1'250'000};
  std::mt19937 random{3};
  const std::vector<std::string> patterns{"(x+x+)+y",
                                          "(a?){900}a{900}b",
                                          "(?:a|b)*a(?:a|b){300}c",
                                          "a[ab]{999}c",
                                          "(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)(.*)b",
                                          "((a|b)*a(a|b){100}c)",
                                          "(((a*)*)*)*c",
                                          "(?:(a)|(b)|(ab)|(ba)|(aab)|(abb)){100,}",
                                          "[ab]*a[ab]{12}c"};
  for (const std::string& pattern : patterns) {
    const RegexProgram program = compiled(pattern);
    REQUIRE(program.ok());
    for (const char* letters : {"a", "ab", "x"}) {
      const std::string text = random_text(random, program.call_limit(kSlice), letters);
      const std::clock_t before = std::clock();
      RegexProgram::Pieces pieces;
      CHECK(program.search(text, 0, true, pieces, kSlice) != RegexFound::TooLong);
      const double ms = 1000.0 * static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
      INFO(pattern << " over " << text.size() << " bytes of " << letters << ": " << ms << " ms");
      CHECK(ms < 200);
      if (ms > 12)
        WARN(pattern << " over " << text.size() << " of " << letters << ": " << ms << " ms");
    }
  }
}

TEST_CASE("a subject that cannot be cut is refused just over the limit") {
  const RegexProgram program = compiled("[^]*x");
  const RegexWork work{.budget = 10'000};
  const std::size_t limit = program.call_limit(work);
  CHECK(search(program, std::string(limit, 'a'), 0, work).found == RegexFound::No);
  CHECK(search(program, std::string(limit + 1, 'a'), 0, work).found == RegexFound::TooLong);
  RegexProgram::Pieces pieces;
  CHECK(program.match(std::string(limit + 1, 'x'), pieces, work) == RegexFound::TooLong);
  CHECK(compiled("a*").match(std::string(limit * 9, 'a') + "b", pieces, work) == RegexFound::No);
  CHECK(compiled("a{5}").match(std::string(limit * 9, 'a'), pieces, work) == RegexFound::No);
}

TEST_CASE("a long search asks whether to stop") {
  int asked = 0;
  const RegexWork work{.budget = 1000,
                       .stop = [](void* count) { return ++*static_cast<int*>(count) == 3; },
                       .context = &asked};
  CHECK(search(compiled("ab"), std::string(10'000, 'a'), 0, work).found == RegexFound::Stopped);
  CHECK(asked == 3);
}

TEST_CASE("too little memory for a pattern is no crash") {
  const RegexSyntax syntax;
  const RegexTranslation translation = translate_regex("[ab]{1000}", syntax);
  CHECK_FALSE(RegexProgram{translation, syntax, 1024}.ok());
  CHECK(RegexProgram{translation, syntax, RegexProgram::kMostMemory}.ok());
}

TEST_CASE("where to look again when more bytes come") {
  CHECK(compiled("abc").resume_at("xxab", 0) == 2);
  CHECK(compiled("abc").resume_at("x", 0) == 1);
  CHECK(compiled("\\s*;").resume_at("word  ", 0) == 4);
  CHECK(compiled(".*END").resume_at("word  ", 2) == 2);
}

}  // namespace
}  // namespace perilune::runtime
