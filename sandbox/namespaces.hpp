#pragma once

/// @file
/// The namespaces that all workers share: an empty network, an empty root, a host name. They are
/// made once and entered by setns, which costs 20 µs instead of the 400 µs and up to 180 KiB of
/// kernel memory of a network namespace for each worker.

#include <string>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "sandbox/mounts.hpp"

namespace perilune::sandbox {

/// Puts this process (single-threaded) into a user namespace of its own, in which it is uid 65534
/// with all capabilities over what it makes there. @returns 0, or -1 with errno set.
[[nodiscard]] int enter_user_namespace() noexcept;

/// What to put into the shared namespaces, as far as the probe found it to work.
struct SharedParts {
  bool net = false;
  bool uts = false;
  bool mount = false;
  RootKind root = RootKind::None;
};

/// Namespaces without a process: these descriptors keep them alive.
struct SharedNamespaces {
  UniqueFd net;
  UniqueFd uts;
  UniqueFd mount;
};

/// Makes them in a throw-away child. Fails with `system_error`.
[[nodiscard]] Result<SharedNamespaces> make_shared_namespaces(const SharedParts& parts);

}  // namespace perilune::sandbox
