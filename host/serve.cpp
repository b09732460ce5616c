#include "host/serve.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/spawn.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "api/auth/operator_token.hpp"
#include "api/rest/control_api.hpp"
#include "api/rest/routes.hpp"
#include "api/store/store.hpp"
#include "host/gateway/gateway.hpp"
#include "host/http/server.hpp"
#include "host/launcher/async_launcher.hpp"
#include "host/logs/app_log.hpp"
#include "host/metrics/metrics.hpp"
#include "host/ops_pages.hpp"
#include "host/supervisor/supervisor.hpp"
#include "host/supervisor/worker_pool.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/unique_fd.hpp"
#include "sandbox/doctor.hpp"

namespace perilune::host {
namespace {

using namespace std::chrono_literals;

constexpr auto kAdminDrain = 2s;
constexpr auto kWorkersDie = 5s;

std::string text(const Endpoint& endpoint, std::uint16_t port) {
  std::ostringstream out;
  out << Endpoint{endpoint.address(), port};
  return out.str();
}

PoolConfig pool_config(const Config& config) {
  return {.spares = config.spares,
          .max_workers = config.max_workers,
          .links = static_cast<std::uint8_t>(config.gateway_threads())};
}

/// The template of the route that a target takes, such as "/v1/tenants/{tenant}": a metric label.
std::string route_of(const HttpRequest& request) {
  std::vector<std::string> segments;
  std::string_view path{request.target};
  path = path.substr(0, path.find('?'));
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  const api::Match match = api::match_route(request.method, segments);
  return match.route == nullptr ? "_none" : std::string{match.route->path};
}

/// A method that no route has is not for a label.
std::string method_label(const std::string& method) {
  constexpr std::array<std::string_view, 6> kKnown{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
  return std::find(kKnown.begin(), kKnown.end(), method) == kKnown.end() ? "_other" : method;
}

GatewayConfig gateway_config(const Config& config) {
  GatewayConfig gateway;
  gateway.endpoint = config.gateway;
  gateway.threads = config.gateway_threads();
  return gateway;
}

/// A listener that cannot be had, with the flag that moves it.
Failure without_listener(Failure failure, std::string_view flag) {
  if (failure.code == "address_in_use")
    failure.detail += "; stop what listens there, or choose another address with ";
  else
    failure.detail += "; choose another address with ";
  failure.detail += flag;
  return failure;
}

/// The host process: everything below lives on one control thread, except the gateway's threads.
class Host {
 public:
  Host(const Config& config, sandbox::LauncherClient launcher, std::unique_ptr<api::Store> store)
      : config_{config},
        metrics_{config.metrics_apps},
        store_{std::move(store)},
        logs_{[this](const api::AppKey& key, std::vector<api::LogEntry> entries) {
          store_logs(key, std::move(entries));
        }},
        launcher_{loop_, std::move(launcher)},
        pool_{loop_, launcher_, pool_config(config)},
        supervisor_{loop_, config, pool_, *store_, metrics_, logs_},
        gateway_{make_gateway(gateway_config(config), supervisor_, metrics_)},
        pages_{metrics_, *store_, launcher_, pool_, supervisor_},
        admin_{
            make_http_server(loop_, admin_listener(config.admin),
                             [this](const HttpRequest& request, boost::asio::yield_context yield) {
                               return admin(request, yield);
                             })},
        ops_{make_http_server(loop_,
                              {.endpoint = config.metrics, .name = "metrics", .max_body = 4096},
                              [this](const HttpRequest& request, boost::asio::yield_context) {
                                return pages_.answer(request);
                              })},
        signals_{loop_, SIGTERM, SIGINT} {}

  int run() {
    boost::asio::spawn(
        loop_, [this](boost::asio::yield_context yield) { live(yield); },
        [](std::exception_ptr failure) {
          if (failure) std::rethrow_exception(failure);
        });
    loop_.run();
    return status_;
  }

 private:
  void live(boost::asio::yield_context yield) {
    launcher_.run([this] {
      log::error("the launcher has ended: stopping");
      status_ = EXIT_FAILURE;
      stop_asked_ = true;
      stop_.notify();
    });
    watch_signals();
    const auto started = start(yield);
    if (!started) {
      log::error("cannot start",
                 {{"code", started.error().code}, {"detail", started.error().detail}});
      std::fprintf(stderr, "perilune: %s\n", started.error().detail.c_str());
      status_ = EXIT_FAILURE;
    }
    while (started && !stop_asked_)
      (void)stop_.wait_until(std::chrono::steady_clock::time_point::max(), yield);
    stop(started.has_value(), yield);
  }

  Result<void> start(boost::asio::yield_context yield) {
    if (const auto warm = pool_.run(yield); !warm) return warm.error();
    if (const auto token = api::ensure_operator_token(*store_, config_.data_dir); !token)
      return token.error();
    if (const auto bound = gateway_->start(); !bound)
      return without_listener(bound.error(), "--gateway");
    gateway_up_ = true;
    if (const auto routed = supervisor_.run(*gateway_); !routed) return routed.error();
    api_.emplace(*store_, supervisor_, api_config());
    if (const auto bound = admin_->start(); !bound)
      return without_listener(bound.error(), "--admin");
    if (const auto bound = ops_->start(); !bound)
      return without_listener(bound.error(), "--metrics");
    log::info("serving", {{"gateway", text(config_.gateway, gateway_->port())},
                          {"admin", text(config_.admin, admin_->port())},
                          {"metrics", text(config_.metrics, ops_->port())},
                          {"isolation", sandbox::name(pool_.level())},
                          {"apps", static_cast<std::int64_t>(supervisor_.apps())},
                          {"version", PERILUNE_VERSION}});
    return {};
  }

  /// The first signal asks for a graceful stop, the second ends the process as it is: the launcher
  /// kills what is left, and the store is one that a crash does not hurt.
  void watch_signals() {
    signals_.async_wait([this](boost::system::error_code error, int signal) {
      if (error) return;
      if (std::exchange(stop_asked_, true)) std::_Exit(128 + signal);
      stop_.notify();
      watch_signals();
    });
  }

  void drain_gateway(boost::asio::yield_context yield) {
    bool done = false;
    const auto deadline = std::chrono::steady_clock::now() + config_.drain_timeout;
    gateway_->drain(deadline, [this, &done] {
      boost::asio::post(loop_, [this, &done] {
        done = true;
        stop_.notify();
      });
    });
    while (!done) (void)stop_.wait_until(deadline + kWorkersDie, yield);
  }

  void stop(bool started, boost::asio::yield_context yield) {
    pages_.draining();
    if (started) log::info("draining");
    if (gateway_up_) drain_gateway(yield);
    admin_->stop(std::chrono::steady_clock::now() + kAdminDrain, yield);
    supervisor_.stop(Deadline::after(kWorkersDie), yield);
    ops_->stop(std::chrono::steady_clock::now() + kAdminDrain, yield);
    launcher_.stop();
    signals_.cancel();
    if (started) log::info("stopped");
  }

  api::ApiConfig api_config() const {
    api::ApiConfig config;
    config.base_domain = config_.base_domain;
    config.gateway_port = gateway_->port();
    return config;
  }

  HttpServerConfig admin_listener(const boost::asio::ip::tcp::endpoint& endpoint) {
    HttpServerConfig config{.endpoint = endpoint, .name = "admin"};
    config.before_body = [this](const HttpRequest& head,
                                std::optional<std::uint64_t> size) -> std::optional<HttpResponse> {
      auto refusal = api_->refuse_unread(as_asked(head), size);
      if (!refusal) return std::nullopt;
      metrics_.api_request(route_of(head), method_label(head.method), refusal->status);
      return HttpResponse{refusal->status, std::move(refusal->headers), std::move(refusal->body)};
    };
    return config;
  }

  static api::Request as_asked(const HttpRequest& request) {
    return {request.method, request.target, request.headers, request.body, request.client};
  }

  HttpResponse admin(const HttpRequest& request, boost::asio::yield_context yield) {
    api::Response answer = api_->handle(as_asked(request), yield);
    metrics_.api_request(route_of(request), method_label(request.method), answer.status);
    return {answer.status, std::move(answer.headers), std::move(answer.body)};
  }
  void store_logs(const api::AppKey& key, std::vector<api::LogEntry> entries) {
    std::vector<api::AppLog> batch;
    batch.reserve(entries.size());
    for (api::LogEntry& entry : entries) batch.push_back({key, std::move(entry)});
    if (const auto kept = store_->append_logs(batch); !kept)
      log::error("logs are not stored", {{"detail", kept.error().detail}});
  }

  const Config& config_;
  boost::asio::io_context loop_{1};
  Metrics metrics_;
  std::unique_ptr<api::Store> store_;
  LogSink logs_;
  AsyncLauncher launcher_;
  WorkerPool pool_;
  Supervisor supervisor_;
  std::unique_ptr<Gateway> gateway_;
  std::optional<api::ControlApi> api_;  ///< wants to know the gateway's port
  OpsPages pages_;
  std::unique_ptr<HttpServer> admin_;
  std::unique_ptr<HttpServer> ops_;
  boost::asio::signal_set signals_;
  Signal stop_;
  bool stop_asked_ = false;
  bool gateway_up_ = false;
  int status_ = EXIT_SUCCESS;
};

Result<std::unique_ptr<api::Store>> open_store(const Config& config) {
  std::error_code error;
  const mode_t before = ::umask(077);
  std::filesystem::create_directories(config.data_dir, error);
  ::umask(before);
  if (error)
    return Failure{"storage_unavailable", "cannot make the data directory " + config.data_dir +
                                              ": " + error.message() +
                                              "; choose another with --data-dir"};
  return api::open_sqlite_store(config.data_dir);
}

int refuse(const Failure& failure) {
  std::fprintf(stderr, "perilune: %s\n", failure.detail.c_str());
  return EXIT_FAILURE;
}

/// Says what is missing here, and which flag accepts what there is.
int refuse_isolation(const Config& config, const Failure& failure) {
  const int status = refuse(failure);
  // A worker that is no program is no matter of layers.
  const UniqueFd worker{::open(config.worker_path().c_str(), O_RDONLY | O_CLOEXEC)};
  if (!worker || failure.detail.find("step exec") != std::string::npos) {
    std::fprintf(stderr,
                 "%s is not a worker program of this machine: build or install perilune-worker "
                 "beside perilune, or name it with --worker\n",
                 config.worker_path().c_str());
    return status;
  }
  const auto findings = sandbox::probe(launcher_config(config));
  const sandbox::Level level = sandbox::level_of(sandbox::working(findings));
  std::fprintf(stderr, "\n%s", sandbox::render_doctor(findings, config.require_sandbox).c_str());
  if (level != sandbox::Level::None && level < config.require_sandbox) {
    std::fprintf(stderr, "\nTo serve with less isolation: --require-sandbox %s\n",
                 std::string{sandbox::name(level)}.c_str());
  }
  return status;
}

}  // namespace

sandbox::LauncherConfig launcher_config(const Config& config) {
  return {.worker_path = config.worker_path(),
          .required = config.require_sandbox,
          .max_workers = config.max_workers,
          .cgroup_parent = config.cgroup_parent,
          .first_worker_uid = config.worker_uid};
}

int serve(const Config& config) {
  log::set_level(config.log_level);
  auto launcher = sandbox::fork_host(launcher_config(config));
  if (!launcher) return refuse_isolation(config, launcher.error());
  // From here on: the host. The process that the operator started is the launcher.
  auto store = open_store(config);
  if (!store) return refuse(store.error());
  Host host{config, std::move(*launcher), std::move(*store)};
  return host.run();
}

}  // namespace perilune::host
