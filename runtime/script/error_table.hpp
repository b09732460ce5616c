#pragma once

/// @file
/// Every error code that scripts see: one table from which messages, `generic_error`, `asio_error`,
/// `e:togeneric()`, docs/reference/lua-errors.md and the tests come.

#include <span>
#include <string_view>

namespace perilune::runtime {

struct ErrorRow {
  const char* name;     ///< stable: a script's `asio_error.misc.NAME`, a metric's label
  int code;             ///< the number that scripts see; unique within its category but for errnos
  const char* message;  ///< nullptr: the C library's text for this errno
  int generic;          ///< what `togeneric` makes of it: an errno; 0: it stays what it is
};

struct ErrorCategory {
  const char* name;    ///< `tostring(e.category)`
  const char* module;  ///< where a script finds the codes: "asio_error.misc"; or nullptr
  const char* what;    ///< for the documentation
  std::span<const ErrorRow> rows;  ///< by name if there is a `module`
};

[[nodiscard]] std::span<const ErrorCategory> error_categories() noexcept;

/// The row of a code, or nullptr.
[[nodiscard]] const ErrorRow* find_error(std::string_view category, int code) noexcept;
/// The row of a name, or nullptr. Only for categories that have a `module`.
[[nodiscard]] const ErrorRow* find_error(const ErrorCategory& category,
                                         std::string_view name) noexcept;

/// A sentence, or "Unknown error". Never a null pointer.
[[nodiscard]] const char* error_message(std::string_view category, int code) noexcept;

/// The errno that means the same in category `generic`, or 0.
[[nodiscard]] int generic_code(std::string_view category, int code) noexcept;

}  // namespace perilune::runtime
