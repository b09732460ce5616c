#pragma once

/// @file
/// What the control API needs of the host that it runs in.

#include <boost/asio/spawn.hpp>
#include <string>
#include <vector>

#include "api/model.hpp"
#include "api/vms.hpp"
#include "runtime/base/deadline.hpp"
#include "runtime/base/result.hpp"

namespace perilune::api {

struct Upload {
  link::Packing packing = link::Packing::Lua;
  std::string data;               ///< Lua, tar.gz or zip bytes
  std::vector<BundleFile> files;  ///< Packing::Files (JSON uploads)
};

/// Implemented by host/supervisor; a fake in api's own tests is fine. All calls on the control
/// thread.
class Platform {
 public:
  virtual ~Platform() = default;

  /// Unpacks, checks and dry-starts an upload in a throw-away worker. Suspends.
  /// Fails with `isolation_failed`, `overloaded` (no worker to be had in time), `worker_crashed`
  /// (the check killed its worker: the upload is to blame) or `wall_limit`. A bad bundle is no
  /// failure: see the report.
  [[nodiscard]] virtual Result<CheckReport> check(const AppKey& key, Upload upload,
                                                  const Limits& ceiling, bool jit,
                                                  boost::asio::yield_context yield) = 0;
  /// The store has changed for this app (deployed, rolled back, suspended, deleted): follow it.
  virtual void app_changed(const AppKey& key) = 0;
  /// Waits until the app serves `generation`, or fails with what keeps it from that (`start_failed`
  /// ...).
  [[nodiscard]] virtual Result<void> wait_ready(const AppKey& key, std::uint64_t generation,
                                                Deadline deadline,
                                                boost::asio::yield_context yield) = 0;
  [[nodiscard]] virtual AppStatus status(const AppKey& key) const = 0;
  /// Oldest first; none for an app that is not known.
  [[nodiscard]] virtual std::vector<VmRow> vms(const AppKey& key) const = 0;
  /// Asks a VM of the app what its fibers are doing. Suspends. Fails with `not_found`, `vm_gone`
  /// (it ended meanwhile) or `not_answering`.
  [[nodiscard]] virtual Result<FiberDump> fibers(const AppKey& key, const std::string& vm,
                                                 Deadline deadline,
                                                 boost::asio::yield_context yield) = 0;
  /// Node facts for GET /v1/nodes and whoami: isolation level, versions.
  [[nodiscard]] virtual std::string isolation_level() const = 0;
};

}  // namespace perilune::api
