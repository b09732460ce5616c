#pragma once

/// @file
/// What a POSIX or ECMAScript pattern says, as RE2 syntax and as the facts that bound its work.

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace perilune::runtime {

enum class RegexGrammar : std::uint8_t { Basic, Extended, Ecma };

struct RegexSyntax {
  RegexGrammar grammar = RegexGrammar::Ecma;
  bool ignore_case = false;  ///< ASCII letters
  bool nosubs = false;       ///< groups only group
};

/// Limits of one pattern; just over is refused with a reason.
inline constexpr std::size_t kRegexPatternLimit = 4096;  ///< bytes
inline constexpr int kRegexDepthLimit = 100;             ///< nested groups
inline constexpr int kRegexGroupLimit = 50;              ///< groups that capture
inline constexpr int kRegexRepeatLimit = 1000;           ///< of {n}, nested ones multiplied
inline constexpr std::size_t kRegexSizeLimit = 5000;  ///< ranges of bytes, repetitions written out

/// A translated pattern. Everything about lengths and bytes is a safe bound, not always tight.
struct RegexTranslation {
  static constexpr std::size_t kUnbounded = static_cast<std::size_t>(-1);

  std::string text;            ///< for RE2: Latin-1, Perl-like syntax
  int groups = 0;              ///< that capture
  std::size_t max_length = 0;  ///< of a match
  std::bitset<256> bytes;      ///< no match contains another byte
  std::size_t size = 0;        ///< ranges of bytes, repetitions written out
  /// Bytes that follow a match might have made it longer: it is not final at the end of a buffer.
  bool open_ended = false;
};

/// Why a pattern was refused, and where: an offset from 0.
struct RegexError {
  std::size_t offset = 0;
  std::string reason;
};

/// Throws RegexError; std::bad_alloc.
[[nodiscard]] RegexTranslation translate_regex(std::string_view pattern, RegexSyntax syntax);

}  // namespace perilune::runtime
