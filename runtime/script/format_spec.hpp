#pragma once

/// @file
/// The grammar of a format's replacement fields: "{ID:SPEC}" taken apart, nothing looked up yet.

#include <cstddef>
#include <string_view>

namespace perilune::runtime {

/// How a field, or the width or precision within one, says which argument it means.
struct FieldId {
  enum class Kind : unsigned char { None, Next, Position, Name };
  Kind kind = Kind::None;
  unsigned position = 0;
  std::string_view name;
  std::size_t at = 0;  ///< where its '{' is
};

/// A width or precision: not given, a number, or an argument's value.
struct FieldNumber {
  bool given = false;
  unsigned value = 0;
  FieldId from;  ///< unless Kind::None
};

struct FieldSpec {
  FieldId id;
  std::string_view fill;  ///< one code point; empty: a space
  char align = 0;         ///< '<' '>' '^' or 0
  char sign = 0;          ///< '+' '-' ' ' or 0
  bool alternate = false;
  bool zero = false;
  FieldNumber width;
  FieldNumber precision;
  char type = 0;
  std::size_t type_at = 0;
};

/// What is wrong with a format and where.
struct FormatFault {
  const char* what = nullptr;  ///< nullptr: nothing
  std::size_t at = 0;
};

/// Bound of widths and precisions.
inline constexpr unsigned kMaxFormatWidth = 4096;

/// Reads the field that begins behind the '{' at `at - 1`; moves `at` behind its '}'.
[[nodiscard]] FormatFault read_field(std::string_view format, std::size_t& at, FieldSpec& field);

}  // namespace perilune::runtime
