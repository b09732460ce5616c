#pragma once

/// @file
/// Which system calls a worker has left once it holds tenant code, and why each of them.
///
/// One row is one way in which a call is allowed; everything that no row allows ends the process.
/// The filter is compiled from these rows and the tests expect what they say: there is no second
/// list. arm64 would have the same names without epoll_wait.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace perilune::sandbox {

/// (argument & mask) == value, on all 64 bits of the register.
struct ArgumentIs {
  std::uint8_t index = 0;
  std::uint64_t mask = 0;
  std::uint64_t value = 0;
};

struct Rule {
  int number;
  std::string_view call;
  std::string_view why;
  std::array<std::optional<ArgumentIs>, 3> when{};  ///< all of them must hold
};

enum class Policy : std::uint8_t { WorkerNoJit, WorkerJit };

[[nodiscard]] std::string_view name(Policy policy) noexcept;
/// The rows that both policies have, then those of `WorkerJit` only.
[[nodiscard]] std::span<const Rule> common_rules() noexcept;
[[nodiscard]] std::span<const Rule> jit_rules() noexcept;
/// What the policy does with this call: true if it lets it pass. (Tests; the kernel runs the
/// filter.)
[[nodiscard]] bool allows(Policy policy, int number,
                          std::span<const std::uint64_t, 6> arguments) noexcept;
/// Some row allows the call, whatever its arguments.
[[nodiscard]] bool mentions(Policy policy, int number) noexcept;

}  // namespace perilune::sandbox
