#pragma once

/// @file
/// Which host name belongs to which app: an immutable table that gateway threads read without a
/// lock.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/model.hpp"
#include "host/metrics/app_metrics.hpp"
#include "runtime/limits.hpp"

namespace perilune::host {

using api::AppKey;

/// What all gateway threads share of one app: the count that bounds its concurrency.
struct AppLoad {
  std::atomic<std::uint32_t> running{0};
  std::atomic<std::uint32_t> queued{0};
  /// Steady-clock milliseconds of the last request, for idle eviction.
  std::atomic<std::int64_t> last_request_ms{0};
};

/// One app as the gateway sees it. Shared by snapshots; never changed.
struct AppRoute {
  AppKey key;
  std::uint64_t generation = 0;
  std::string version;  ///< empty: not deployed
  bool suspended = false;
  Limits limits;
  std::shared_ptr<AppLoad> load;        ///< the same object across snapshots and versions
  std::shared_ptr<AppMetrics> metrics;  ///< ditto
};

/// A snapshot of all routes.
class RouteTable {
 public:
  RouteTable(std::string base_domain, const std::vector<std::shared_ptr<const AppRoute>>& apps);
  /// `host` is normalised: lower case, no port, no trailing dot. nullptr: nobody's.
  [[nodiscard]] std::shared_ptr<const AppRoute> find(std::string_view host) const;
  [[nodiscard]] std::size_t size() const noexcept { return by_host_.size(); }

 private:
  std::unordered_map<std::string, std::shared_ptr<const AppRoute>> by_host_;
};

/// The host of an authority or Host field, normalised; empty if it is not a valid host[:port]
/// (RFC 9110 section 7.2, RFC 3986 section 3.2.2; no userinfo, no non-ASCII).
[[nodiscard]] std::string normalise_host(std::string_view authority);

}  // namespace perilune::host
