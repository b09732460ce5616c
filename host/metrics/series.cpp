#include "host/metrics/series.hpp"

namespace perilune::host {
namespace {

using S = Series;
using T = prometheus::MetricType;

constexpr std::array<SeriesSpec, kSeriesCount> kTable{{
    {S::Requests, "perilune_requests_total", T::Counter, "tenant, app, outcome",
     "Requests that reached the app, by how they ended."},
    {S::Responses, "perilune_responses_total", T::Counter, "tenant, app, code",
     "Responses by class of status: 1xx to 5xx."},
    {S::RequestDuration, "perilune_request_duration_seconds", T::Histogram, "tenant, app",
     "From the request's head to the end of its response."},
    {S::RequestCpu, "perilune_request_cpu_seconds", T::Histogram, "tenant, app",
     "CPU time of one request as its worker counts it."},
    {S::RequestsInFlight, "perilune_requests_in_flight", T::Gauge, "tenant, app",
     "Requests that run now."},
    {S::RequestBytes, "perilune_request_bytes_total", T::Counter, "tenant, app",
     "Bytes of request bodies."},
    {S::ResponseBytes, "perilune_response_bytes_total", T::Counter, "tenant, app",
     "Bytes of response bodies."},
    {S::CpuSeconds, "perilune_cpu_seconds_total", T::Counter, "tenant, app",
     "CPU time of the app's workers as the kernel counts it."},
    {S::MemoryBytes, "perilune_memory_bytes", T::Gauge, "tenant, app",
     "Memory of the app's workers as the kernel counts it, sampled every 5 seconds."},
    {S::MemoryLimitBytes, "perilune_memory_limit_bytes", T::Gauge, "tenant, app",
     "The app's worker_memory limit."},
    {S::WorkerStarts, "perilune_worker_starts_total", T::Counter, "tenant, app, reason",
     "Workers that were started for the app: request, deploy, restart."},
    {S::WorkerStartDuration, "perilune_worker_start_duration_seconds", T::Histogram, "tenant, app",
     "From the need for a worker until it serves."},
    {S::WorkerExits, "perilune_worker_exits_total", T::Counter, "tenant, app, reason",
     "Workers that ended, by reason; seccomp and protocol are attacks or bugs."},
    {S::CrashLoop, "perilune_crash_loop", T::Gauge, "tenant, app",
     "1 while the app's worker died too often and requests are refused."},
    {S::LogLines, "perilune_log_lines_total", T::Counter, "tenant, app",
     "Lines that the app logged and that were kept."},
    {S::LogDropped, "perilune_log_dropped_total", T::Counter, "tenant, app",
     "Lines that the app logged beyond its rate."},
    {S::DeploymentInfo, "perilune_deployment_info", T::Gauge, "tenant, app, version, role",
     "1 for the version that is deployed."},
    {S::BuildInfo, "perilune_build_info", T::Gauge, "version", "1; the version is the label."},
    {S::SandboxLayers, "perilune_sandbox_layers_info", T::Gauge, "layer",
     "1 for each layer of isolation that workers have on this machine, else 0."},
    {S::Workers, "perilune_workers", T::Gauge, "state",
     "Worker processes: spare, starting, running, draining."},
    {S::SpareWorkers, "perilune_spare_workers", T::Gauge, "",
     "Workers that are locked down and wait for an app."},
    {S::Connections, "perilune_connections", T::Gauge, "state",
     "Client connections of the gateway."},
    {S::HeaderRejects, "perilune_header_rejects_total", T::Counter, "reason",
     "Requests that the gateway refused before they reached an app."},
    {S::LinkViolations, "perilune_link_violations_total", T::Counter, "reason",
     "Workers that broke the link's protocol and were killed."},
    {S::ApiRequests, "perilune_api_requests_total", T::Counter, "route, method, code",
     "Requests of the control API."},
    {S::RegistryGeneration, "perilune_registry_generation", T::Gauge, "",
     "Grows with every change of the routes."},
    {S::EventLoopLag, "perilune_event_loop_lag_seconds", T::Gauge, "",
     "How late the control thread's last one-second timer was."},
    {S::MetricsSeries, "perilune_metrics_series", T::Gauge, "", "Series on this page."},
    {S::MetricsOverflow, "perilune_metrics_overflow_total", T::Counter, "",
     "Apps that came when all places for series of their own were taken."},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kSeriesCount; ++i) {
    if (static_cast<std::size_t>(kTable[i].series) != i) return false;
  }
  return true;
}
static_assert(in_order());

std::string_view type_name(T type) {
  if (type == T::Counter) return "counter";
  return type == T::Gauge ? "gauge" : "histogram";
}

}  // namespace

std::span<const SeriesSpec, kSeriesCount> series_specs() noexcept { return kTable; }

const SeriesSpec& spec(Series series) noexcept { return kTable[static_cast<std::size_t>(series)]; }

std::string metrics_reference() {
  std::string page =
      "# Metrics\n\n`GET /metrics` on the metrics listener, Prometheus text format. An app's "
      "series are there while the app has a\ndeployment; beyond `metrics_apps` apps the others "
      "share `tenant=\"_other\", app=\"_other\"`. Label values are\nslugs, version ids and the "
      "names "
      "of this source: nothing that a client types gets into one.\n\n"
      "| name | type | labels | meaning |\n|---|---|---|---|\n";
  for (const SeriesSpec& row : kTable) {
    page += "| `" + std::string{row.name} + "` | " + std::string{type_name(row.type)} + " | " +
            (row.labels.empty() ? std::string{} : "`" + std::string{row.labels} + "`") + " | " +
            std::string{row.help} + " |\n";
  }
  return page;
}

}  // namespace perilune::host
