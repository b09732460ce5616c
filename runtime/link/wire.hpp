#pragma once

/// @file
/// Little-endian integers and length-prefixed strings: how every payload of the link is written and
/// read. Nothing here allocates except the growth of the output.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace perilune::link {

/// Appends to a payload.
class Writer {
 public:
  explicit Writer(std::vector<std::byte>& out) noexcept : out_{out} {}

  template <std::unsigned_integral T>
  void put(T value) {
    std::byte bytes[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i)
      bytes[i] = static_cast<std::byte>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xFFU);
    out_.insert(out_.end(), std::begin(bytes), std::end(bytes));
  }
  /// A string with its length in 16 bits. Longer than that is a bug: throws.
  void text(std::string_view text) {
    if (text.size() > UINT16_MAX) throw std::length_error{"link string too long"};
    put(static_cast<std::uint16_t>(text.size()));
    raw(std::as_bytes(std::span{text}));
  }
  void raw(std::span<const std::byte> bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }

 private:
  std::vector<std::byte>& out_;
};

/// Takes a payload apart. After the first thing that does not fit everything reads as zero and
/// `good()` is false: check once, at the end.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> payload) noexcept : rest_{payload} {}

  template <std::unsigned_integral T>
  [[nodiscard]] T get() noexcept {
    if (rest_.size() < sizeof(T)) {
      fail();
      return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i)
      value |= std::to_integer<std::uint64_t>(rest_[i]) << (8 * i);
    rest_ = rest_.subspan(sizeof(T));
    return static_cast<T>(value);
  }
  [[nodiscard]] std::string_view text() noexcept {
    const std::size_t size = get<std::uint16_t>();
    if (size > rest_.size()) {
      fail();
      return {};
    }
    const std::string_view text{reinterpret_cast<const char*>(rest_.data()), size};
    rest_ = rest_.subspan(size);
    return text;
  }
  /// An enumerator, which must be at most `last`.
  template <typename Enum>
  [[nodiscard]] Enum enumerator(Enum last) noexcept {
    const std::uint8_t value = get<std::uint8_t>();
    if (value > static_cast<std::uint8_t>(last)) fail();
    return static_cast<Enum>(good_ ? value : 0);
  }
  [[nodiscard]] bool boolean() noexcept {
    const std::uint8_t value = get<std::uint8_t>();
    if (value > 1) fail();
    return value == 1;
  }
  /// What is left, which thereby is read.
  [[nodiscard]] std::span<const std::byte> remainder() noexcept {
    const auto all = rest_;
    rest_ = {};
    return all;
  }
  void require(bool condition) noexcept {
    if (!condition) fail();
  }
  [[nodiscard]] bool good() const noexcept { return good_; }
  /// All read, nothing wrong, nothing left over.
  [[nodiscard]] bool done() const noexcept { return good_ && rest_.empty(); }

 private:
  void fail() noexcept {
    good_ = false;
    rest_ = {};
  }
  std::span<const std::byte> rest_;
  bool good_ = true;
};

}  // namespace perilune::link
