#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>

#include "host/metrics/metrics.hpp"
#include "host/metrics/series.hpp"

namespace perilune::host {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using Labels = std::vector<ClientMetric::Label>;

/// Families by `Series`, so that several apps add to one.
std::vector<MetricFamily> empty_families() {
  std::vector<MetricFamily> families;
  families.reserve(kSeriesCount);
  for (const SeriesSpec& row : series_specs())
    families.push_back({std::string{row.name}, std::string{row.help}, row.type, {}});
  return families;
}

void add(std::vector<MetricFamily>& families, Series series, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  MetricFamily& family = families[static_cast<std::size_t>(series)];
  if (family.type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
}

void add(std::vector<MetricFamily>& families, Series series, Labels labels,
         const DurationHistogram& histogram) {
  ClientMetric metric;
  metric.label = std::move(labels);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < kBuckets.size(); ++i) {
    cumulative += histogram.count(i);
    metric.histogram.bucket.push_back({cumulative, static_cast<double>(kBuckets[i]) / 1e6});
  }
  cumulative += histogram.count(kBuckets.size());
  metric.histogram.bucket.push_back({cumulative, std::numeric_limits<double>::infinity()});
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = histogram.sum_seconds();
  families[static_cast<std::size_t>(series)].metric.push_back(std::move(metric));
}

std::string snake_case(std::string_view words) {
  std::string text{words};
  std::replace(text.begin(), text.end(), ' ', '_');
  return text;
}

double number(const Cell& cell) { return static_cast<double>(cell.get()); }

}  // namespace

/// Turns one app's cells into metrics. Rows that never counted are left out where a label has many
/// values, so that a quiet app costs few series.
class AppCollector {
 public:
  AppCollector(std::vector<MetricFamily>& families, Labels labels, const AppCells& cells)
      : families_{families}, labels_{std::move(labels)}, cells_{cells} {}

  void collect() {
    for (std::size_t i = 0; i < AppCells::kOutcomes; ++i)
      one_of(Series::Requests, "outcome", name(static_cast<Outcome>(i)), cells_.outcomes_[i]);
    for (std::size_t i = 0; i < cells_.codes_.size(); ++i)
      one_of(Series::Responses, "code", std::to_string(i + 1) + "xx", cells_.codes_[i]);
    for (std::size_t i = 0; i < cells_.starts_.size(); ++i)
      one_of(Series::WorkerStarts, "reason", name(static_cast<StartReason>(i)), cells_.starts_[i]);
    for (std::size_t i = 0; i < kExitReasonCount; ++i)
      one_of(Series::WorkerExits, "reason", name(static_cast<ExitReason>(i)), cells_.exits_[i]);
    add(families_, Series::RequestDuration, labels_, cells_.duration_);
    add(families_, Series::RequestCpu, labels_, cells_.request_cpu_);
    add(families_, Series::WorkerStartDuration, labels_, cells_.start_duration_);
    add(families_, Series::RequestsInFlight, labels_, number(cells_.in_flight_));
    add(families_, Series::RequestBytes, labels_, number(cells_.request_bytes_));
    add(families_, Series::ResponseBytes, labels_, number(cells_.response_bytes_));
    add(families_, Series::CpuSeconds, labels_, number(cells_.cpu_us_) / 1e6);
    add(families_, Series::MemoryBytes, labels_, number(cells_.memory_));
    add(families_, Series::MemoryLimitBytes, labels_, number(cells_.memory_limit_));
    add(families_, Series::CrashLoop, labels_, number(cells_.crash_loop_));
    add(families_, Series::LogLines, labels_, number(cells_.log_lines_));
    add(families_, Series::LogDropped, labels_, number(cells_.log_dropped_));
  }

 private:
  void one_of(Series series, const char* label, std::string_view value, const Cell& cell) {
    if (cell.get() == 0) return;
    Labels labels = labels_;
    labels.push_back({label, std::string{value}});
    add(families_, series, std::move(labels), number(cell));
  }

  std::vector<MetricFamily>& families_;
  Labels labels_;
  const AppCells& cells_;
};

void Metrics::collect_apps(std::vector<MetricFamily>& families) const {
  for (const auto& [key, app] : apps_) {
    const Labels labels{{"tenant", key.tenant}, {"app", key.app}};
    AppCollector{families, labels, *app.cells}.collect();
    if (app.version.empty()) continue;
    Labels info = labels;
    info.push_back({"version", app.version});
    info.push_back({"role", "current"});
    add(families, Series::DeploymentInfo, std::move(info), 1);
  }
  if (other_) AppCollector{families, {{"tenant", "_other"}, {"app", "_other"}}, *other_}.collect();
}

void Metrics::collect_host(std::vector<MetricFamily>& families) const {
  add(families, Series::BuildInfo, {{"version", PERILUNE_VERSION}}, 1);
  const sandbox::Layers layers{layers_.load()};
  for (std::size_t i = 0; i < sandbox::kLayerCount; ++i) {
    const auto layer = static_cast<sandbox::Layer>(i);
    add(families, Series::SandboxLayers, {{"layer", snake_case(sandbox::name(layer))}},
        layers.has(layer) ? 1 : 0);
  }
  add(families, Series::Workers, {{"state", "spare"}}, number(spare_));
  add(families, Series::Workers, {{"state", "starting"}}, number(starting_));
  add(families, Series::Workers, {{"state", "running"}}, number(running_));
  add(families, Series::Workers, {{"state", "draining"}}, number(draining_));
  add(families, Series::SpareWorkers, {}, number(spare_));
  add(families, Series::Connections, {{"state", "open"}}, number(connections_));
  for (const auto& [reason, count] : rejects_)
    add(families, Series::HeaderRejects, {{"reason", reason}}, static_cast<double>(count));
  for (const auto& [reason, count] : violations_)
    add(families, Series::LinkViolations, {{"reason", reason}}, static_cast<double>(count));
  for (const auto& [labels, count] : api_requests_) {
    const auto& [route, method, status] = labels;
    add(families, Series::ApiRequests,
        {{"route", route}, {"method", method}, {"code", std::to_string(status)}},
        static_cast<double>(count));
  }
  add(families, Series::RegistryGeneration, {}, number(generation_));
  add(families, Series::EventLoopLag, {}, number(lag_us_) / 1e6);
  add(families, Series::MetricsOverflow, {}, number(overflow_));
}

std::vector<MetricFamily> Metrics::Collect() const {
  std::vector<MetricFamily> families = empty_families();
  {
    const std::lock_guard lock{mutex_};
    collect_apps(families);
    collect_host(families);
  }
  std::size_t series = 1;
  for (const MetricFamily& family : families) series += family.metric.size();
  add(families, Series::MetricsSeries, {}, static_cast<double>(series));
  std::erase_if(families, [](const MetricFamily& family) { return family.metric.empty(); });
  return families;
}

std::string Metrics::text() const { return prometheus::TextSerializer{}.Serialize(Collect()); }

}  // namespace perilune::host
