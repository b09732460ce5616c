#pragma once

/// @file
/// How an invocation ended, and what its client is told: the one table of gateway error codes.

#include <cstdint>
#include <span>
#include <string_view>

namespace perilune {

/// How one invocation ended. The order is wire format; names are metric labels and stable.
enum class Outcome : std::uint8_t {
  Ok,
  ScriptError,
  CpuLimit,
  MemoryLimit,
  WallLimit,
  SubrequestLimit,
  Deadlock,
  Canceled,
  Overloaded,
  WorkerCrashed,
  BadRequest,
  Internal,
  Count_,
};

/// snake_case name: `cpu_limit`.
[[nodiscard]] std::string_view name(Outcome outcome) noexcept;
/// False for a value that no `Outcome` has (bytes from a worker).
[[nodiscard]] bool is_outcome(std::uint8_t value) noexcept;

/// An error that Perilune, not the app, answers a client with.
struct ErrorCode {
  std::string_view code;            ///< header Perilune-Error and problem+json `code`
  std::uint16_t status;             ///< HTTP status
  std::string_view title;           ///< short sentence
  std::string_view help;            ///< what the client or the app's author can do
  bool close = false;               ///< the connection is closed after it
  std::uint16_t retry_after_s = 0;  ///< Retry-After; 0: none
};

/// All rows, documented in docs/reference/errors.md (a test compares).
[[nodiscard]] std::span<const ErrorCode> error_codes() noexcept;
/// The row of a code; `internal` when there is none.
[[nodiscard]] const ErrorCode& error_code(std::string_view code) noexcept;
/// What a client is told for an invocation that ended so before its response's head was sent.
[[nodiscard]] const ErrorCode& error_for(Outcome outcome) noexcept;

}  // namespace perilune
