#pragma once

/// @file
/// Makes workers: holds what is prepared once, and starts one child after the other from it.

#include <linux/filter.h>

#include <chrono>
#include <memory>
#include <vector>

#include "sandbox/cgroup.hpp"
#include "sandbox/measure.hpp"
#include "sandbox/namespaces.hpp"
#include "sandbox/probe.hpp"
#include "sandbox/step.hpp"

namespace perilune::sandbox {

/// A worker from its clone to its reaping, as the launcher sees it.
struct Worker {
  std::uint32_t slot = 0;
  pid_t pid = -1;
  UniqueFd pidfd;
  WorkerClass worker;
  WorkerCgroup group;
  UniqueFd control;             ///< the host's end; given away when the worker is handed out
  std::vector<UniqueFd> links;  ///< the same
  std::uint32_t request = 0;    ///< which asked for it
  bool starting = true;
  std::chrono::steady_clock::time_point deadline;  ///< to be locked down
};

/// Something of a start, or which step of it failed.
template <typename T>
using Started = boost::system::result<T, SpawnFailed>;

/// A worker that passed: what it has.
struct Passed {
  Layers layers;
  Level level = Level::None;
};

class Workshop {
 public:
  /// Prepares everything: enters the user namespace, makes the shared namespaces, groups, filters.
  /// The process that calls it is the launcher from then on. `host` (or 0) is moved along where
  /// control groups demand it. Fails with `sandbox_unavailable`.
  [[nodiscard]] static Result<std::unique_ptr<Workshop>> prepare(const LauncherConfig& config,
                                                                 pid_t host);

  /// Starts one; it is ready when `inspect` says so.
  [[nodiscard]] Started<Worker> start(const WorkerClass& worker, std::uint32_t slot);
  /// Reads what the worker reported and measures it. An empty optional: nothing yet.
  [[nodiscard]] std::optional<Started<Passed>> inspect(const Worker& worker) const;
  /// Starts one worker, waits for it, measures it and kills it: the proof that this machine reaches
  /// the level that is asked for. Fails with `sandbox_unavailable`, naming the step or what is
  /// missing.
  [[nodiscard]] Result<Passed> rehearse();

  [[nodiscard]] const std::vector<LayerFinding>& findings() const noexcept {
    return survey_.findings;
  }
  [[nodiscard]] const LauncherConfig& config() const noexcept { return config_; }
  [[nodiscard]] const Cgroups& cgroups() const noexcept { return cgroups_; }
  /// Removes the launcher's control groups.
  void close() noexcept { cgroups_.close(); }

 private:
  explicit Workshop(const LauncherConfig& config) : config_{config} {}
  [[nodiscard]] Result<void> open_everything(pid_t host);
  [[nodiscard]] Started<Passed> judge(const Worker& worker, const Report& report) const;
  [[nodiscard]] Step injected_step();
  [[nodiscard]] Started<Worker> launch(Worker worker);
  void send_orders(const Worker& worker, Step inject) const;

  LauncherConfig config_;
  Survey survey_;
  OwnNamespaces outside_;
  SharedNamespaces shared_;
  Cgroups cgroups_;
  UniqueFd program_;
  UniqueFd null_device_;
  UniqueFd void_directory_;
  std::vector<sock_filter> no_jit_filter_;
  std::vector<sock_filter> jit_filter_;
  std::uint32_t started_ = 0;
};

/// "own uid, landlock": for messages.
[[nodiscard]] std::string list_of(const std::vector<Layer>& layers);

}  // namespace perilune::sandbox
