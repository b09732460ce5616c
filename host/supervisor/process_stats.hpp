#pragma once

/// @file
/// What the kernel says about a worker. Never the worker's own word.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace perilune::host {

/// CPU time of the whole process so far; nothing when it is gone.
[[nodiscard]] std::optional<std::chrono::nanoseconds> process_cpu(pid_t pid) noexcept;
/// Memory that is the process's own: the cgroup's count if `cgroup_file` is not empty and readable,
/// else resident pages that are not shared with files. Nothing when it is gone.
[[nodiscard]] std::optional<std::uint64_t> process_memory(pid_t pid,
                                                          const std::string& cgroup_file);

}  // namespace perilune::host
