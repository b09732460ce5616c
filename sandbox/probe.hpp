#pragma once

/// @file
/// What this machine lets a launcher do, found by trying each layer in a throw-away child; and the
/// plan that follows from it.

#include <cstdint>
#include <vector>

#include "sandbox/launcher.hpp"
#include "sandbox/mounts.hpp"

namespace perilune::sandbox {

/// Which steps a worker's start has here. A step of the plan that fails ends the worker: what did
/// not work when it was tried is left out, nothing is skipped later.
struct Plan {
  bool as_root = false;         ///< the launcher is uid 0; workers never are
  bool user_namespace = false;  ///< the launcher enters one of its own first
  bool own_uid = false;         ///< as root: uid first_worker_uid + slot
  bool pid_namespace = false;
  bool mount_namespace = false;
  bool net_namespace = false;
  bool ipc_namespace = false;
  bool uts_namespace = false;
  bool cgroup_namespace = false;
  RootKind root = RootKind::None;
  std::uint32_t landlock_abi = 0;
};

struct Survey {
  Plan plan;
  std::vector<LayerFinding> findings;  ///< every layer, in the order of `Layer`
};

/// Leaves this process as it is. Single-threaded callers only (it forks).
[[nodiscard]] Survey survey(const LauncherConfig& config);

}  // namespace perilune::sandbox
