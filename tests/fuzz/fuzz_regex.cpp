/// A pattern in each grammar and a subject: translating never fails unknown, RE2 accepts what was
/// translated, a search in parts finds what one call finds, and what is said of matches holds.

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "runtime/modules/regex_program.hpp"

namespace {

using namespace perilune::runtime;

void check(bool fine) {
  if (!fine) std::abort();
}

void check_match(const RegexTranslation& translation, std::string_view subject,
                 const RegexPiece& match) {
  check(match.begin <= match.end && match.end <= subject.size());
  check(match.end - match.begin <= translation.max_length);
  for (const char c : subject.substr(match.begin, match.end - match.begin))
    check(translation.bytes[static_cast<unsigned char>(c)]);
}

void search(const RegexProgram& program, const RegexTranslation& translation,
            std::string_view subject, std::size_t from, std::size_t window) {
  const RegexWork plenty{.budget = std::uint64_t{1} << 40U};
  RegexProgram::Pieces whole;
  const RegexFound found = program.search(subject, from, true, whole, plenty);
  if (found == RegexFound::Yes) check_match(translation, subject, whole[0]);
  RegexWork little{.budget = 1};
  while (program.call_limit(little) < window) little.budget *= 2;
  RegexProgram::Pieces parts;
  const RegexFound again = program.search(subject, from, true, parts, little);
  if (again == RegexFound::TooLong) return;
  check(again == found);
  if (found != RegexFound::Yes) return;
  for (int i = 0; i <= program.groups(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    check(whole[at].begin == parts[at].begin && whole[at].end == parts[at].end);
  }
}

}  // namespace

/// Two bytes of options, the pattern's size, the pattern, the subject.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size < 4) return 0;
  const std::string_view rest{reinterpret_cast<const char*>(data) + 3, size - 3};
  const std::string_view pattern = rest.substr(0, data[2]);
  const std::string_view subject = rest.substr(pattern.size(), 300);
  RegexSyntax syntax;
  syntax.grammar = static_cast<RegexGrammar>(data[0] % 3);
  syntax.ignore_case = (data[0] & 4U) != 0;
  syntax.nosubs = (data[0] & 8U) != 0;
  RegexTranslation translation;
  try {
    translation = translate_regex(pattern, syntax);
  } catch (const RegexError& error) {
    check(error.offset <= pattern.size() && !error.reason.empty());
    return 0;
  }
  if (translation.size > 500) return 0;  // slow under a sanitizer
  const RegexProgram program{translation, syntax, std::size_t{1} << 20U};
  check(program.ok() && program.groups() == translation.groups);
  RegexProgram::Pieces pieces;
  const RegexWork plenty{.budget = std::uint64_t{1} << 40U};
  if (program.match(subject, pieces, plenty) == RegexFound::Yes)
    check_match(translation, subject, pieces[0]);
  const std::size_t from = std::min<std::size_t>(data[1] / 16, subject.size());
  search(program, translation, subject, from, 1 + data[1] % 16);
  check(program.resume_at(subject, from) >= from);
  return 0;
}
