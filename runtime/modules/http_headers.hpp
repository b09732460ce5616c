#pragma once

/// @file
/// Header fields of one message: an ordered multimap whose names compare without case.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace perilune::runtime {

/// Fields keep the order in which they were added. Storage is one buffer that is reused after
/// `clear()`, so a message that is used again allocates nothing. Views are valid until the next
/// change.
class HeaderMap {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
  };

  [[nodiscard]] std::size_t size() const noexcept { return slots_.size(); }
  [[nodiscard]] bool empty() const noexcept { return slots_.empty(); }
  [[nodiscard]] Field operator[](std::size_t index) const noexcept;
  /// Bytes of all fields as lines ("name: value" and the line's end).
  [[nodiscard]] std::size_t wire_bytes() const noexcept { return wire_bytes_; }

  /// Bytes of memory that the fields take.
  [[nodiscard]] std::size_t held_bytes() const noexcept {
    return text_.capacity() + slots_.capacity() * sizeof(Slot);
  }

  void clear() noexcept;
  void add(std::string_view name, std::string_view value);
  /// `add` with the name in lower case: what was received.
  void add_received(std::string_view name, std::string_view value);
  /// Removes every field of that name; returns how many there were.
  std::size_t remove(std::string_view name);
  /// Index of the first field of that name at or after `from`, or `size()`.
  [[nodiscard]] std::size_t find(std::string_view name, std::size_t from = 0) const noexcept;
  [[nodiscard]] bool contains(std::string_view name) const noexcept { return find(name) < size(); }
  /// True if a field of that name lists `token` (comma separated, without case).
  [[nodiscard]] bool lists(std::string_view name, std::string_view token) const noexcept;

 private:
  struct Slot {
    std::uint32_t begin;
    std::uint32_t name;
    std::uint32_t value;
  };
  void compact();

  std::string text_;
  std::vector<Slot> slots_;
  std::size_t wire_bytes_ = 0;
  std::size_t live_bytes_ = 0;
};

/// Equal without regard to ASCII case.
[[nodiscard]] bool equal_names(std::string_view a, std::string_view b) noexcept;
/// RFC 9110 token: a method or a field name.
[[nodiscard]] bool is_token(std::string_view text) noexcept;
/// No control character but tab: a field value, a reason phrase.
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;
/// A request target: visible ASCII or bytes above, not empty.
[[nodiscard]] bool is_target(std::string_view text) noexcept;
/// `text` without spaces and tabs around it.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;

}  // namespace perilune::runtime
