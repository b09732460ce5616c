#pragma once

/// @file
/// The one table of metric names: what /metrics shows and docs/reference/metrics.md explains.

#include <prometheus/metric_type.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace perilune::host {

/// One family. The order is that of /metrics.
enum class Series : std::uint8_t {
  Requests,
  Responses,
  RequestDuration,
  RequestCpu,
  RequestsInFlight,
  RequestBytes,
  ResponseBytes,
  CpuSeconds,
  MemoryBytes,
  MemoryLimitBytes,
  WorkerStarts,
  WorkerStartDuration,
  WorkerExits,
  CrashLoop,
  LogLines,
  LogDropped,
  DeploymentInfo,
  BuildInfo,
  SandboxLayers,
  Workers,
  SpareWorkers,
  Connections,
  HeaderRejects,
  LinkViolations,
  ApiRequests,
  RegistryGeneration,
  EventLoopLag,
  MetricsSeries,
  MetricsOverflow,
  Count_,
};

struct SeriesSpec {
  Series series;
  std::string_view name;  ///< with prefix and unit
  prometheus::MetricType type;
  std::string_view labels;  ///< "tenant, app, outcome"
  std::string_view help;    ///< one sentence
};

inline constexpr std::size_t kSeriesCount = static_cast<std::size_t>(Series::Count_);
[[nodiscard]] std::span<const SeriesSpec, kSeriesCount> series_specs() noexcept;
[[nodiscard]] const SeriesSpec& spec(Series series) noexcept;
/// docs/reference/metrics.md
[[nodiscard]] std::string metrics_reference();

}  // namespace perilune::host
