#pragma once

/// @file
/// One worker that runs one version of one app, from its start to its end.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "host/gateway/gateway.hpp"
#include "host/logs/app_log.hpp"
#include "host/supervisor/worker.hpp"

namespace perilune::host {

/// What the watchdog allows before it kills.
struct WatchdogLimits {
  std::chrono::nanoseconds cpu;   ///< used since a ping that is not answered
  std::chrono::nanoseconds wall;  ///< since that ping
  [[nodiscard]] static WatchdogLimits of(const Limits& limits) noexcept;
};

class Instance final : public WorkerReports {
 public:
  using Clock = std::chrono::steady_clock;
  enum class State : std::uint8_t { Starting, Running, Draining };

  Instance(InstanceId id, api::DeployedApp app, std::shared_ptr<Worker> worker, AppLog& log,
           std::shared_ptr<AppCells> cells);
  ~Instance() override { worker_->report_to(nullptr); }
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  /// Sends configuration and bundle and waits until the app serves. Suspends.
  [[nodiscard]] Result<void> start(const std::vector<api::BundleFile>& bundle,
                                   boost::asio::yield_context yield);
  /// CPU metering, and death to who does not answer; every 200 ms. `busy`: requests run.
  void watch(Clock::time_point now, bool busy);
  /// Samples memory, and death to who has too much; every 5 s.
  void watch_memory();
  /// Takes no new request from now on; dies at `latest`.
  void drain(Clock::time_point latest) {
    state_ = State::Draining;
    dies_ = latest;
  }
  /// Nothing runs any more: stop, by force a little later.
  void stop(Clock::time_point now);
  void kill(ExitReason reason) { worker_->kill(reason); }

  [[nodiscard]] InstanceId id() const noexcept { return id_; }
  [[nodiscard]] const api::DeployedApp& app() const noexcept { return app_; }
  [[nodiscard]] Worker& worker() noexcept { return *worker_; }
  [[nodiscard]] const Worker& worker() const noexcept { return *worker_; }
  [[nodiscard]] const std::shared_ptr<Worker>& worker_ptr() const noexcept { return worker_; }
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] Clock::time_point since() const noexcept { return since_; }
  [[nodiscard]] std::int64_t since_unix() const noexcept { return since_unix_; }
  [[nodiscard]] std::uint64_t memory() const noexcept { return memory_; }

  void log(const link::LogRecord& record) override { log_.accept(record, app_.version); }
  void diagnostic(const link::Diagnostic& found) override;

 private:
  InstanceId id_;
  api::DeployedApp app_;
  std::shared_ptr<Worker> worker_;
  AppLog& log_;
  std::shared_ptr<AppCells> cells_;
  State state_ = State::Starting;
  Clock::time_point since_ = Clock::now();
  std::int64_t since_unix_;
  std::optional<Clock::time_point> dies_;
  std::optional<Clock::time_point> pinged_;
  std::chrono::nanoseconds cpu_{0};
  std::uint64_t memory_ = 0;
};

/// Random seeds and names for a worker's first frame; views into `app`, which must outlive it.
[[nodiscard]] link::Configure configure_for(const api::DeployedApp& app);

}  // namespace perilune::host
