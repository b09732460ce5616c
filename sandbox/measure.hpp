#pragma once

/// @file
/// Looks at a worker from outside, through /proc: what it has, not what it says.
///
/// Landlock and MDWE leave no trace there; the launcher takes the worker's word for those two,
/// which is given before the worker has seen a byte of a tenant. Without the right to look into a
/// process of another uid (CAP_SYS_PTRACE) or into one of the same uid that may not be dumped,
/// namespaces, root and descriptors are invisible as well: then the plan's steps count, each of
/// which ended the worker if it failed.

#include <sys/types.h>

#include <array>
#include <string>

#include "runtime/base/result.hpp"
#include "sandbox/cgroup.hpp"
#include "sandbox/probe.hpp"

namespace perilune::sandbox {

/// The launcher's own namespaces, as they were when it started.
struct OwnNamespaces {
  std::array<std::string, 7> links;  ///< in the order of `kNamespaceFiles`
};
[[nodiscard]] OwnNamespaces own_namespaces();

/// The value of a line of /proc/PID/status, or empty.
[[nodiscard]] std::string status_value(const std::string& status, std::string_view key);

struct Expected {
  const Plan& plan;
  const OwnNamespaces& outside;
  const WorkerCgroup& group;
  WorkerClass worker;
  uid_t uid;  ///< as root: what the worker must be
};

/// What is there. Fails with `not_as_expected` when the worker differs from what it must be in any
/// case (uid, capabilities, descriptors, limits), or cannot be looked at.
[[nodiscard]] Result<Layers> measure(pid_t pid, const Expected& expected);

}  // namespace perilune::sandbox
