#pragma once

/// @file
/// The bytes of JSON strings: which ones can be copied as they are, and whether they are UTF-8.

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace perilune::runtime {

/// True for the bytes that a scan over a JSON string may not pass: controls, '"', '\\', and the
/// bytes of what is not ASCII.
inline constexpr std::array<bool, 256> kJsonSpecial = [] {
  std::array<bool, 256> special{};
  for (std::size_t i = 0; i < special.size(); ++i)
    special[i] = i < 0x20 || i >= 0x80 || i == '"' || i == '\\';
  return special;
}();

/// The first special byte in `[at, end)`, or `end`. Eight bytes at a time.
[[nodiscard]] inline const char* skip_plain(const char* at, const char* end) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHigh = 0x8080808080808080;
  while (end - at >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    const std::uint64_t quote = word ^ (kOnes * '"');
    const std::uint64_t slash = word ^ (kOnes * '\\');
    // Borrows spoil only what is above the lowest bit that is set.
    const std::uint64_t found =
        ((word - kOnes * 0x20) | (quote - kOnes) | (slash - kOnes) | word) & kHigh;
    if (found != 0) return at + std::countr_zero(found) / 8;
    at += 8;
  }
  while (at < end && !kJsonSpecial[static_cast<unsigned char>(*at)]) ++at;
  return at;
}

/// The length (2..4) of the UTF-8 sequence that begins at `at` with a byte >= 0x80, or 0 if there
/// is no valid one: overlong forms, surrogates and what is beyond U+10FFFF are not valid.
[[nodiscard]] inline int utf8_sequence(const char* at, const char* end) noexcept {
  const auto byte = [&](int i) { return static_cast<unsigned char>(at[i]); };
  const auto follows = [&](int i) { return (byte(i) & 0xC0U) == 0x80; };
  const unsigned first = byte(0);
  const auto left = end - at;
  if (first < 0xC2 || first > 0xF4) return 0;
  if (first < 0xE0) return left >= 2 && follows(1) ? 2 : 0;
  if (first < 0xF0) {
    if (left < 3 || !follows(1) || !follows(2)) return 0;
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (left < 4 || !follows(1) || !follows(2) || !follows(3)) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) > 0x8F) return 0;
  return 4;
}

}  // namespace perilune::runtime
