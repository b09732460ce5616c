#include "host/ops_pages.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace perilune::host {
namespace {

HttpResponse plain(unsigned status, std::string body) {
  return {status, {{"content-type", "text/plain; charset=utf-8"}}, std::move(body)};
}

}  // namespace

HttpResponse OpsPages::answer(const HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD") {
    HttpResponse refused = plain(405, "method not allowed\n");
    refused.headers.emplace_back("allow", "GET, HEAD");
    return refused;
  }
  const std::string_view target{request.target};
  const std::string_view path = target.substr(0, target.find('?'));
  const std::string_view query =
      path.size() < target.size() ? target.substr(path.size() + 1) : std::string_view{};
  if (path == "/livez") return plain(200, "ok\n");
  if (path == "/readyz") return ready(query == "verbose" || query.starts_with("verbose="));
  if (path == "/metrics") {
    metrics_.workers(supervisor_.workers());
    metrics_.layers(pool_.layers());
    return {200, {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}}, metrics_.text()};
  }
  return plain(404, "not found; there are /metrics, /livez and /readyz\n");
}

HttpResponse OpsPages::ready(bool verbose) {
  const auto store = store_.tenants("", 1);
  const bool fine = store.has_value() && launcher_.alive() && !draining_;
  if (!verbose) return plain(fine ? 200 : 503, fine ? "ok\n" : "not ready\n");
  boost::json::object layers;
  for (std::size_t i = 0; i < sandbox::kLayerCount; ++i) {
    const auto layer = static_cast<sandbox::Layer>(i);
    std::string name{sandbox::name(layer)};
    std::replace(name.begin(), name.end(), ' ', '_');
    layers[name] = pool_.layers().has(layer);
  }
  const WorkerCounts workers = supervisor_.workers();
  const boost::json::object page{
      {"ready", fine},
      {"version", PERILUNE_VERSION},
      {"draining", draining_},
      {"store", store ? "ok" : store.error().detail},
      {"launcher", launcher_.alive() ? "ok" : "gone"},
      {"sandbox", {{"level", sandbox::name(pool_.level())}, {"layers", std::move(layers)}}},
      {"apps", supervisor_.apps()},
      {"workers",
       {{"spare", workers.spare},
        {"starting", workers.starting},
        {"running", workers.running},
        {"draining", workers.draining}}}};
  return {fine ? 200U : 503U,
          {{"content-type", "application/json"}},
          boost::json::serialize(page) + "\n"};
}

}  // namespace perilune::host
