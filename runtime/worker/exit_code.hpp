#pragma once

/// @file
/// How a worker process ends by itself: its exit status, for the host's supervisor.

#include <cstdint>
#include <string_view>

namespace perilune::worker {

enum class ExitCode : std::uint8_t {
  Stopped = 0,             ///< the host said Stop and all requests are done; or a check is over
  ProtocolViolation = 64,  ///< the host sent what no host sends
  HostGone = 65,           ///< a link was closed
  NotStarted = 66,         ///< `Failed` was sent
  MemoryLimit = 67,        ///< the VM could not recover from running out of memory
  CpuHard = 68,            ///< code ran beyond the hard CPU limit
  AppEnded = 69,           ///< the VM ended for another reason: its last log record says which
  Internal = 70,           ///< a bug
  Isolation = 78,          ///< a step of the sandbox failed
};

/// snake_case name: `memory_limit`.
[[nodiscard]] constexpr std::string_view name(ExitCode code) noexcept {
  switch (code) {
    case ExitCode::Stopped: return "stopped";
    case ExitCode::ProtocolViolation: return "protocol_violation";
    case ExitCode::HostGone: return "host_gone";
    case ExitCode::NotStarted: return "not_started";
    case ExitCode::MemoryLimit: return "memory_limit";
    case ExitCode::CpuHard: return "cpu_hard";
    case ExitCode::AppEnded: return "app_ended";
    case ExitCode::Internal: return "internal";
    case ExitCode::Isolation: return "isolation_failed";
  }
  return "unknown";
}

}  // namespace perilune::worker
