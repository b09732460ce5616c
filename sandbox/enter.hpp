#pragma once

/// @file
/// What a child of the launcher does before it becomes the worker's program: sandbox.md, section 3,
/// steps 1 to 11.

#include <sys/types.h>

#include <vector>

#include "sandbox/cgroup.hpp"
#include "sandbox/namespaces.hpp"
#include "sandbox/probe.hpp"
#include "sandbox/step.hpp"

namespace perilune::sandbox {

/// Everything that was opened before the child was made.
struct Entry {
  const Plan& plan;
  const SharedNamespaces& shared;
  const WorkerCgroup& group;
  const WorkerClass& worker;
  int void_directory;      ///< RootKind::Chroot: what to enter
  int null_device;         ///< becomes 0, 1 and 2
  int program;             ///< O_PATH descriptor of the worker
  int control;             ///< becomes 3
  std::vector<int> links;  ///< become 4 ...
  uid_t uid;
  Step inject;
};

/// Takes the steps and executes the worker's program with no environment; a step that fails is
/// reported on the control socket and ends the process.
[[noreturn]] void enter(const Entry& entry);

}  // namespace perilune::sandbox
