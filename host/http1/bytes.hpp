#pragma once

/// @file
/// Which bytes HTTP/1.1 allows where: tables instead of branches, for parser and serialiser alike.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace perilune::http1 {

enum ByteClass : std::uint8_t {
  kToken = 1,   ///< RFC 9110 section 5.6.2: names of fields
  kValue = 2,   ///< a field's value: visible, blank, tab, obs-text; no other control
  kTarget = 4,  ///< visible ASCII but '#', which never leaves a client
  kMethod = 8,  ///< token without lower-case letters: methods are case-sensitive
};

inline constexpr std::array<std::uint8_t, 256> kByteClasses = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < 256; ++c) {
    unsigned bits = 0;
    if (c == '\t' || (c >= 0x20 && c != 0x7F)) bits |= kValue;
    if (c > 0x20 && c < 0x7F && c != '#') bits |= kTarget;
    const bool lower = c >= 'a' && c <= 'z';
    const bool alnum = lower || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (alnum || (c < 0x7F && std::string_view{"!#$%&'*+-.^_`|~"}.find(static_cast<char>(c)) !=
                                  std::string_view::npos))
      bits |= lower ? kToken : (kToken | kMethod);
    table[c] = static_cast<std::uint8_t>(bits);
  }
  return table;
}();

[[nodiscard]] inline bool is(char c, ByteClass wanted) noexcept {
  return (kByteClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}

/// True if all bytes are of the class; an empty text is.
[[nodiscard]] inline bool all(std::string_view text, ByteClass wanted) noexcept {
  unsigned both = 0xFF;
  for (const char c : text) both &= kByteClasses[static_cast<unsigned char>(c)];
  return (both & wanted) != 0;
}

[[nodiscard]] constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

/// ASCII case-insensitive; `lower_case` must be lower case.
[[nodiscard]] inline bool same(std::string_view text, std::string_view lower_case) noexcept {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (lower(text[i]) != lower_case[i]) return false;
  return true;
}

/// Without blanks and tabs at both ends.
[[nodiscard]] inline std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace perilune::http1
