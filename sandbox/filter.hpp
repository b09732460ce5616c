#pragma once

/// @file
/// A policy as the program that the kernel runs at every system call.
///
/// The launcher compiles it once (libseccomp) and sends it to each worker: building it costs
/// some 130 µs and libseccomp in every worker, receiving it a few.

#include <linux/filter.h>

#include <span>
#include <vector>

#include "runtime/base/result.hpp"
#include "sandbox/policy.hpp"

namespace perilune::sandbox {

/// Default, foreign architectures and x32 end the process. Fails with `system_error`.
[[nodiscard]] Result<std::vector<sock_filter>> compile(Policy policy);

/// Puts the program on all threads of this process, for ever. Needs no_new_privs.
/// @returns 0, or -1 with errno set.
[[nodiscard]] int install(std::span<const sock_filter> program) noexcept;

/// Upper bound of a program that a worker accepts, in instructions.
inline constexpr std::size_t kMaxFilter = 1024;

}  // namespace perilune::sandbox
