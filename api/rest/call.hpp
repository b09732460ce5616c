#pragma once

/// @file
/// One request on its way through a route, and the table row that describes a route.

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "api/auth/principal.hpp"
#include "api/rest/http.hpp"
#include "api/rest/problems.hpp"
#include "api/rest/target.hpp"
#include "api/store/store.hpp"
#include "api/vms.hpp"

namespace perilune::api {

struct Upload;

/// What the control API is told about the host that it runs in.
struct ApiConfig {
  std::string base_domain = "localhost";
  std::uint16_t gateway_port = 8080;
  std::string node = "local";
  std::string version = PERILUNE_VERSION;
  std::chrono::milliseconds ready_time{30000};  ///< how long `?wait=ready` waits
  std::chrono::milliseconds dump_time{2000};    ///< how long a VM may take to say what it does
  std::function<UnixMs()> now;                  ///< empty: the system's clock
};

/// The platform as handlers see it. `check` and `wait_ready` suspend the request's fiber.
class Host {
 public:
  virtual ~Host() = default;
  [[nodiscard]] virtual Result<CheckReport> check(const AppKey& key, Upload upload,
                                                  const Limits& ceiling, bool jit) = 0;
  [[nodiscard]] virtual Result<void> wait_ready(const AppKey& key, std::uint64_t generation) = 0;
  virtual void app_changed(const AppKey& key) = 0;
  [[nodiscard]] virtual AppStatus status(const AppKey& key) const = 0;
  [[nodiscard]] virtual std::vector<VmRow> vms(const AppKey& key) const = 0;
  /// Suspends.
  [[nodiscard]] virtual Result<FiberDump> fibers(const AppKey& key, const std::string& vm) = 0;
  [[nodiscard]] virtual std::string isolation_level() const = 0;
};

/// The refusal of a deed in a tenant that is not there: who may make tenants is told how.
[[nodiscard]] Problem no_such_tenant(const Principal& who, const std::string& slug,
                                     const Failure& failure);

/// Lives as long as the request.
struct Call {
  const Request& request;
  const Target& target;
  std::map<std::string, std::string> params;  ///< of the path template
  Principal who;
  Store& store;
  Host& host;
  const ApiConfig& config;
  UnixMs now = 0;
  std::string request_id;
  bool dry_run = false;

  [[nodiscard]] const std::string& param(const std::string& name) const { return params.at(name); }
  [[nodiscard]] AppKey key() const { return {param("tenant"), param("app")}; }
  [[nodiscard]] std::string_view query(const std::string& name) const {
    return target.parameter(name);
  }
  /// Tells the platform, unless this is a dry run.
  void changed(const AppKey& app) const {
    if (!dry_run) host.app_changed(app);
  }
  /// Writes a lifecycle event; what fails there fails silently, for the deed is done.
  void event(const AppKey& app, std::string kind, std::string version, std::string message) const;
  /// True when If-Match is absent or names `etag`.
  [[nodiscard]] bool matches(std::string_view etag) const;
  /// True when If-None-Match names `etag`: answer 304.
  [[nodiscard]] bool has_already(std::string_view etag) const;
};

using Handler = Reply (*)(Call&);

/// One row of the route table: what dispatches is what documents.
struct Route {
  std::string_view method;
  std::string_view path;     ///< "/v1/tenants/{tenant}"; a last "{path...}" takes the rest
  std::string_view scope{};  ///< empty: any token
  std::string_view summary{};
  std::string_view query{};    ///< names, separated by blanks
  std::string_view accepts{};  ///< media types of the body, separated by blanks
  std::string_view body{};     ///< what the body is
  std::string_view success = "200";
  Handler handler = nullptr;
  bool open = false;           ///< needs no token
  bool operators = false;      ///< tokens of a tenant may not
  bool suspends = false;       ///< the handler waits; it sees to dry_run itself
  bool secret_answer = false;  ///< member `token` of the answer is not kept for a replay
  bool upload = false;         ///< body limit is the tenant's bundle_packed
};

[[nodiscard]] std::span<const Route> general_routes() noexcept;
[[nodiscard]] std::span<const Route> tenant_routes() noexcept;
[[nodiscard]] std::span<const Route> app_routes() noexcept;
[[nodiscard]] std::span<const Route> version_routes() noexcept;
[[nodiscard]] std::span<const Route> upload_routes() noexcept;
[[nodiscard]] std::span<const Route> deployment_routes() noexcept;
[[nodiscard]] std::span<const Route> env_routes() noexcept;
[[nodiscard]] std::span<const Route> log_routes() noexcept;
[[nodiscard]] std::span<const Route> token_routes() noexcept;
[[nodiscard]] std::span<const Route> vm_routes() noexcept;

}  // namespace perilune::api
