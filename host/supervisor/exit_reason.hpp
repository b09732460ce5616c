#pragma once

/// @file
/// How a worker ended: the names in logs, metrics and the API.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace perilune::host {

/// The order is that of the metric's label; names are stable.
enum class ExitReason : std::uint8_t {
  Exited,     ///< by itself, with a status other than those below
  Stopped,    ///< after Stop, or killed when it had nothing left to do
  Failed,     ///< the app does not start
  Watchdog,   ///< it did not answer a ping
  Memory,     ///< over its memory, as the host or its cgroup counts
  CpuLimit,   ///< beyond cpu_ms + cpu_hard_ms, by its own clock or RLIMIT_CPU
  Seccomp,    ///< a system call that is not allowed
  Segfault,   ///< SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGABRT
  Protocol,   ///< it broke the link's protocol
  Isolation,  ///< a step of its start sequence failed
  Killed,     ///< SIGKILL that is not ours
  Suspended,  ///< the operator's kill switch
  Count_,
};

inline constexpr std::size_t kExitReasonCount = static_cast<std::size_t>(ExitReason::Count_);
[[nodiscard]] std::string_view name(ExitReason reason) noexcept;
/// The app is to blame: counts towards back-off and crash loop.
[[nodiscard]] bool is_crash(ExitReason reason) noexcept;

/// `status` as waitpid gives it; `ours`: why the host killed it, if it did.
[[nodiscard]] ExitReason classify_exit(int status, bool memory_killed,
                                       std::optional<ExitReason> ours) noexcept;
/// "exited with status 1", "killed by signal 31 (Bad system call)".
[[nodiscard]] std::string describe_exit(int status);

}  // namespace perilune::host
