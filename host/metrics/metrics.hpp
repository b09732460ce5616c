#pragma once

/// @file
/// Every number that the host publishes, and /metrics itself.

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "api/model.hpp"
#include "host/metrics/app_metrics.hpp"
#include "host/metrics/cells.hpp"
#include "host/supervisor/exit_reason.hpp"
#include "sandbox/level.hpp"

namespace perilune::host {

enum class StartReason : std::uint8_t { Request, Deploy, Restart, Count_ };
[[nodiscard]] std::string_view name(StartReason reason) noexcept;

/// One app's numbers. Counting is lock-free and thread-safe.
class AppCells final : public AppMetrics {
 public:
  void request_done(Outcome outcome, unsigned status, std::chrono::nanoseconds duration,
                    std::chrono::microseconds cpu) override;
  void in_flight(int change) override { in_flight_.add(change); }
  void bytes(std::uint64_t request, std::uint64_t response) override;

  void worker_started(StartReason reason, std::chrono::nanoseconds duration);
  void worker_exited(ExitReason reason);
  void used_cpu(std::chrono::nanoseconds cpu) { cpu_us_.add(cpu.count() / 1000); }
  void memory(std::uint64_t bytes) { memory_.set(static_cast<std::int64_t>(bytes)); }
  void memory_limit(std::uint64_t bytes) { memory_limit_.set(static_cast<std::int64_t>(bytes)); }
  void crash_loop(bool on) { crash_loop_.set(on ? 1 : 0); }
  void logged(std::uint64_t kept, std::uint64_t dropped);

 private:
  friend class AppCollector;
  static constexpr auto kOutcomes = static_cast<std::size_t>(Outcome::Count_);
  std::array<Cell, kOutcomes> outcomes_;
  std::array<Cell, 5> codes_;
  std::array<Cell, static_cast<std::size_t>(StartReason::Count_)> starts_;
  std::array<Cell, kExitReasonCount> exits_;
  DurationHistogram duration_;
  DurationHistogram request_cpu_;
  DurationHistogram start_duration_;
  Cell in_flight_, request_bytes_, response_bytes_, cpu_us_, memory_, memory_limit_, crash_loop_;
  Cell log_lines_, log_dropped_;
};

/// How many workers there are in each state, as the supervisor counts them.
struct WorkerCounts {
  std::int64_t spare = 0;
  std::int64_t starting = 0;
  std::int64_t running = 0;
  std::int64_t draining = 0;
};

/// The registry. Counting functions are thread-safe; `app`, `forget` and `text` take a lock, and
/// are not for the request path.
class Metrics final : public GatewayMetrics, public prometheus::Collectable {
 public:
  explicit Metrics(std::size_t most_apps) : most_apps_{most_apps} {}

  /// The app's numbers, made at the first call. Beyond `most_apps` apps: those of "_other".
  [[nodiscard]] std::shared_ptr<AppCells> app(const api::AppKey& key);
  /// What is deployed, for deployment_info.
  void deployed(const api::AppKey& key, std::string version);
  /// The app is gone: so are its series.
  void forget(const api::AppKey& key);

  void rejected(const char* reason) override;
  void connections(int change) override { connections_.add(change); }
  void link_violation(const char* reason) override;

  void api_request(std::string_view route, std::string_view method, unsigned status);
  void layers(sandbox::Layers layers);
  void workers(const WorkerCounts& counts);
  void generation(std::uint64_t value) { generation_.set(static_cast<std::int64_t>(value)); }
  void loop_lag(std::chrono::nanoseconds lag) { lag_us_.set(lag.count() / 1000); }

  /// The page in Prometheus' text format.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct App {
    std::shared_ptr<AppCells> cells;
    std::string version;
  };
  void collect_apps(std::vector<prometheus::MetricFamily>& families) const;
  void collect_host(std::vector<prometheus::MetricFamily>& families) const;
  void count_reason(std::map<std::string, std::int64_t, std::less<>>& into, const char* reason);

  const std::size_t most_apps_;
  mutable std::mutex mutex_;  ///< guards the maps below
  std::map<api::AppKey, App> apps_;
  std::shared_ptr<AppCells> other_;
  std::map<std::string, std::int64_t, std::less<>> rejects_;
  std::map<std::string, std::int64_t, std::less<>> violations_;
  std::map<std::tuple<std::string, std::string, unsigned>, std::int64_t> api_requests_;
  std::atomic<std::uint32_t> layers_{0};
  Cell connections_, generation_, lag_us_, overflow_;
  Cell spare_, starting_, running_, draining_;
};

}  // namespace perilune::host
