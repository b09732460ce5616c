#include "host/metrics/metrics.hpp"

#include <algorithm>

namespace perilune::host {
namespace {

/// Reasons and routes are literals of ours; a bound keeps a mistake from growing without end.
constexpr std::size_t kMostReasons = 100;
constexpr std::size_t kMostApiSeries = 1000;

}  // namespace

std::string_view name(StartReason reason) noexcept {
  constexpr std::array<std::string_view, 3> kNames{"request", "deploy", "restart"};
  return kNames[static_cast<std::size_t>(reason)];
}

void AppCells::request_done(Outcome outcome, unsigned status, std::chrono::nanoseconds duration,
                            std::chrono::microseconds cpu) {
  outcomes_[std::min(static_cast<std::size_t>(outcome), kOutcomes - 1)].add(1);
  if (status >= 100 && status <= 599) codes_[status / 100 - 1].add(1);
  duration_.observe(duration.count() / 1000);
  request_cpu_.observe(cpu.count());
}

void AppCells::bytes(std::uint64_t request, std::uint64_t response) {
  request_bytes_.add(static_cast<std::int64_t>(request));
  response_bytes_.add(static_cast<std::int64_t>(response));
}

void AppCells::worker_started(StartReason reason, std::chrono::nanoseconds duration) {
  starts_[static_cast<std::size_t>(reason)].add(1);
  start_duration_.observe(duration.count() / 1000);
}

void AppCells::worker_exited(ExitReason reason) { exits_[static_cast<std::size_t>(reason)].add(1); }

void AppCells::logged(std::uint64_t kept, std::uint64_t dropped) {
  log_lines_.add(static_cast<std::int64_t>(kept));
  log_dropped_.add(static_cast<std::int64_t>(dropped));
}

std::shared_ptr<AppCells> Metrics::app(const api::AppKey& key) {
  const std::lock_guard lock{mutex_};
  if (const auto found = apps_.find(key); found != apps_.end()) return found->second.cells;
  if (apps_.size() >= most_apps_) {
    overflow_.add(1);
    if (!other_) other_ = std::make_shared<AppCells>();
    return other_;
  }
  return apps_.emplace(key, App{std::make_shared<AppCells>(), {}}).first->second.cells;
}

void Metrics::deployed(const api::AppKey& key, std::string version) {
  const std::lock_guard lock{mutex_};
  if (const auto found = apps_.find(key); found != apps_.end())
    found->second.version = std::move(version);
}

void Metrics::forget(const api::AppKey& key) {
  const std::lock_guard lock{mutex_};
  apps_.erase(key);
}

void Metrics::count_reason(std::map<std::string, std::int64_t, std::less<>>& into,
                           const char* reason) {
  const std::lock_guard lock{mutex_};
  const std::string_view label =
      into.size() < kMostReasons || into.contains(reason) ? reason : "_other";
  if (const auto found = into.find(label); found != into.end()) {
    ++found->second;
  } else {
    into.emplace(std::string{label}, 1);
  }
}

void Metrics::rejected(const char* reason) { count_reason(rejects_, reason); }
void Metrics::link_violation(const char* reason) { count_reason(violations_, reason); }

void Metrics::api_request(std::string_view route, std::string_view method, unsigned status) {
  const std::lock_guard lock{mutex_};
  const bool full = api_requests_.size() >= kMostApiSeries;
  ++api_requests_[{full ? "_other" : std::string{route}, full ? "_other" : std::string{method},
                   full ? 0 : status}];
}

void Metrics::layers(sandbox::Layers layers) { layers_ = layers.bits(); }

void Metrics::workers(const WorkerCounts& counts) {
  spare_.set(counts.spare);
  starting_.set(counts.starting);
  running_.set(counts.running);
  draining_.set(counts.draining);
}

}  // namespace perilune::host
