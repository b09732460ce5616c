#pragma once

/// @file
/// The VMs of an app that run on this node, and what their fibers are doing.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/model.hpp"

namespace perilune::api {

/// One live VM. Its worker tells its fibers and memory once a second.
struct VmRow {
  std::string id;  ///< "12.1": of a worker, and of a VM in it; unique on this node since its start
  std::string version;
  std::string state;  ///< starting, running, draining
  std::uint32_t pid = 0;
  std::uint32_t fibers = 0;
  std::uint64_t memory = 0;
  UnixMs since = 0;
};

/// One fiber, as the worker tells: text is well-formed and shortened, but what it says is the
/// tenant's word.
struct FiberRow {
  std::string id;
  std::string state;
  bool main = false;
  bool detached = false;
  bool interrupted = false;
  bool waits_for_fibers = false;
  std::string operation;  ///< empty: it does not wait
  std::string resource;
  std::string holder;  ///< id of a fiber, or empty
  std::string where;
  std::string request_id;
  std::optional<double> age_ms;
  std::optional<double> invocation_cpu_ms;
  std::vector<std::string> traceback;
};

struct FiberDump {
  std::uint64_t total = 0;  ///< fibers in the VM
  std::vector<FiberRow> fibers;
};

}  // namespace perilune::api
