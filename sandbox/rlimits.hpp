#pragma once

/// @file
/// The resource limits that the kernel holds a worker to. They are the outer fence: an app meets
/// its VM's limits first.

#include <sys/resource.h>

#include <span>
#include <string_view>
#include <vector>

#include "sandbox/launcher.hpp"

namespace perilune::sandbox {

struct ResourceLimit {
  __rlimit_resource resource;
  rlim_t value;            ///< soft and hard
  std::string_view label;  ///< the line in /proc/PID/limits
  std::string_view why;
};

/// Address space: VMs reserve twice their limit for the arena plus 16 MiB of C stack each, without
/// committing them; threads have stacks; the program itself is small.
[[nodiscard]] rlim_t address_space(const WorkerClass& worker_class) noexcept;
/// What is set before the worker's program starts.
[[nodiscard]] std::vector<ResourceLimit> limits_for(const WorkerClass& worker_class);
/// No process and no thread more; set by the worker once its threads run (a thread counts).
inline constexpr ResourceLimit kNoMoreTasks{RLIMIT_NPROC, 0, "Max processes",
                                            "threads are made before the filter"};
/// @returns 0, or -1 with errno set by the first limit that the kernel refuses. A limit that is
/// lower already stays.
[[nodiscard]] int apply(std::span<const ResourceLimit> limits) noexcept;

}  // namespace perilune::sandbox
