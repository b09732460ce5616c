#pragma once

/// @file
/// One app's life: idle, starting, running, backing off; and what its deployments do to it.

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "api/model.hpp"
#include "api/store/store.hpp"
#include "api/vms.hpp"
#include "host/gateway/gateway.hpp"
#include "host/logs/app_log.hpp"
#include "host/metrics/metrics.hpp"
#include "host/supervisor/instance.hpp"
#include "host/supervisor/restart_policy.hpp"
#include "host/supervisor/worker_pool.hpp"
#include "runtime/base/deadline.hpp"

namespace perilune::host {

/// What all apps share. Everything outlives the apps.
struct AppContext {
  boost::asio::io_context& loop;
  WorkerPool& pool;
  api::Store& store;
  Metrics& metrics;
  LogSink& logs;
  Gateway* gateway = nullptr;  ///< set before the first call of an app
  InstanceId next_instance = 1;
  /// Stops some idle app's worker (or a spare); false if none is idle.
  std::function<bool()> make_room;
  /// True if one more worker would be too much memory.
  std::function<bool()> memory_full;
};

/// Shared: fibers that wait for its workers keep it. Control thread only.
class SupervisedApp : public std::enable_shared_from_this<SupervisedApp> {
 public:
  using Clock = std::chrono::steady_clock;

  SupervisedApp(AppContext& context, api::AppKey key);
  SupervisedApp(const SupervisedApp&) = delete;
  SupervisedApp& operator=(const SupervisedApp&) = delete;

  /// What is deployed now. A running app moves to it without losing a request.
  void update(api::DeployedApp deployed);
  /// A request waits and nothing is attached.
  void need();
  void link_lost(InstanceId instance, const std::string& violation);
  void drained(InstanceId instance);
  /// Idle eviction, restarts whose time has come, watchdog: every 200 ms.
  void tick(Clock::time_point now);
  void sample_memory();
  /// Kills everything and starts nothing any more.
  void shut_down();
  /// Stops the worker if no request runs or waits. False if there was nothing to stop.
  bool evict();
  [[nodiscard]] bool evictable() const noexcept { return current_ && !busy(); }

  /// Suspends; see `api::Platform::wait_ready`.
  [[nodiscard]] Result<void> wait_ready(std::uint64_t generation, Deadline deadline,
                                        boost::asio::yield_context yield);
  [[nodiscard]] api::AppStatus status() const;
  [[nodiscard]] std::vector<api::VmRow> vms() const;
  /// Suspends; see `api::Platform::fibers`.
  [[nodiscard]] Result<api::FiberDump> fibers(const std::string& vm, Deadline deadline,
                                              boost::asio::yield_context yield);
  [[nodiscard]] std::shared_ptr<const AppRoute> route() const;

  [[nodiscard]] const api::AppKey& key() const noexcept { return key_; }
  [[nodiscard]] bool deployed() const noexcept { return !deployed_.version.empty(); }
  [[nodiscard]] bool has(InstanceId instance) const noexcept;
  /// No worker, none on its way.
  [[nodiscard]] bool quiet() const noexcept { return instances_.empty() && !starting_; }
  [[nodiscard]] Clock::time_point last_use() const noexcept;
  [[nodiscard]] std::uint64_t memory() const noexcept;
  void count(WorkerCounts& counts) const noexcept;

 private:
  using InstancePtr = std::shared_ptr<Instance>;
  void begin_start(StartReason reason);
  void start(StartReason reason, boost::asio::yield_context yield);
  Result<InstancePtr> make_instance(api::DeployedApp app, boost::asio::yield_context yield);
  Result<std::shared_ptr<Worker>> acquire_worker(const api::DeployedApp& app,
                                                 boost::asio::yield_context yield);
  void adopt(InstancePtr instance, StartReason reason, Clock::time_point began);
  void start_failed(const Failure& failure, const api::DeployedApp& app);
  void follow(InstancePtr instance);
  void ended(const InstancePtr& instance);
  void died(ExitReason reason);
  void retire(const InstancePtr& instance);
  void kill_all(ExitReason reason);
  [[nodiscard]] bool wanted() const noexcept;
  [[nodiscard]] bool busy() const noexcept;
  [[nodiscard]] InstancePtr find(InstanceId id) const noexcept;
  void refuse_waiting(Clock::time_point now);

  AppContext& context_;
  api::AppKey key_;
  api::DeployedApp deployed_;
  std::shared_ptr<AppCells> cells_;
  std::shared_ptr<AppLoad> load_;
  AppLog log_;
  std::list<InstancePtr> instances_;
  InstancePtr current_;  ///< attached, takes new requests
  RestartPolicy policy_;
  bool starting_ = false;
  bool needed_ = false;  ///< a request waits: for the back-off to pass, or a death
  bool closed_ = false;
  bool isolation_failed_ = false;
  std::uint32_t restarts_ = 0;
  std::optional<ExitReason> last_exit_;
  std::optional<Failure> failure_;  ///< why `failed_generation_` does not start
  std::uint64_t failed_generation_ = 0;
  Signal changed_;
};

}  // namespace perilune::host
