#include "host/supervisor/exit_reason.hpp"

#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstring>

#include "runtime/worker/exit_code.hpp"

namespace perilune::host {

std::string_view name(ExitReason reason) noexcept {
  constexpr std::array<std::string_view, kExitReasonCount> kNames{
      "exited",  "stopped",  "failed",   "watchdog",  "memory", "cpu_limit",
      "seccomp", "segfault", "protocol", "isolation", "killed", "suspended"};
  return kNames[static_cast<std::size_t>(reason)];
}

bool is_crash(ExitReason reason) noexcept {
  return reason != ExitReason::Stopped && reason != ExitReason::Suspended;
}

ExitReason classify_exit(int status, bool memory_killed, std::optional<ExitReason> ours) noexcept {
  // What the kernel saw wins over what we asked for a moment later.
  if (memory_killed) return ExitReason::Memory;
  if (WIFSIGNALED(status)) {
    switch (WTERMSIG(status)) {
      case SIGSYS: return ExitReason::Seccomp;
      case SIGSEGV:
      case SIGBUS:
      case SIGILL:
      case SIGFPE:
      case SIGTRAP:
      case SIGABRT: return ExitReason::Segfault;
      case SIGXCPU: return ExitReason::CpuLimit;
      default: return ours.value_or(ExitReason::Killed);
    }
  }
  using worker::ExitCode;
  switch (static_cast<ExitCode>(WEXITSTATUS(status))) {
    case ExitCode::MemoryLimit: return ExitReason::Memory;
    case ExitCode::CpuHard: return ExitReason::CpuLimit;
    case ExitCode::NotStarted: return ExitReason::Failed;
    case ExitCode::Isolation: return ExitReason::Isolation;
    default: return ours.value_or(ExitReason::Exited);
  }
}

std::string describe_exit(int status) {
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    const char* text = sigdescr_np(signal);
    return "killed by signal " + std::to_string(signal) + " (" +
           (text == nullptr ? "unknown" : text) + ")";
  }
  return "exited with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace perilune::host
