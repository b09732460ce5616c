#pragma once

/// @file
/// The gateway's face to the rest of the host: N threads that share nothing but what is handed to
/// them here.
///
/// Every function is thread-safe and returns at once (it posts to the threads), unless it says
/// otherwise.

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host/routing/routes.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/link/frame.hpp"

namespace perilune::host {

/// One running worker, from its start to its end. Never reused.
using InstanceId = std::uint64_t;

struct GatewayConfig {
  boost::asio::ip::tcp::endpoint endpoint;
  unsigned threads = 1;
  std::uint32_t max_connections =
      10000;  ///< per thread; beyond it connections are closed at accept
  std::chrono::milliseconds keep_alive{75000};
  std::chrono::milliseconds write_stall{30000};  ///< a client that takes no byte for so long is cut
  Limits limits;  ///< what applies before the app is known: target, header*, header_time_ms
};

/// What the gateway tells the supervisor; called from gateway threads, must be thread-safe and
/// quick.
class GatewayEvents {
 public:
  virtual ~GatewayEvents() = default;
  /// A request waits for this app and no instance is attached on its thread.
  virtual void need_worker(const AppKey& key) = 0;
  /// A link of this instance is gone or broke the protocol (`violation` non-empty): kill it.
  virtual void link_lost(InstanceId instance, std::string violation) = 0;
  /// `retire`d and no stream is left on any thread.
  virtual void drained(InstanceId instance) = 0;
};

class Gateway {
 public:
  virtual ~Gateway() = default;
  /// Binds (SO_REUSEPORT when threads > 1; fails with `address_in_use` ... naming the address) and
  /// starts.
  [[nodiscard]] virtual Result<void> start() = 0;
  /// The port that was bound (endpoint.port() may be 0).
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  /// The routes from now on.
  virtual void publish(std::shared_ptr<const RouteTable> routes) = 0;
  /// A worker serves: `links` has one end per thread. New requests of the app (and those that wait)
  /// go to it; an instance attached before stays for what it runs until it is retired. `window`:
  /// the worker's `link::stream_window` by the limits that it was configured with.
  virtual void attach(InstanceId instance, AppKey key, std::vector<UniqueFd> links,
                      std::uint32_t window = link::kInitialCredit) = 0;
  /// No new request for this instance; `drained` follows when the last stream is done.
  virtual void retire(InstanceId instance) = 0;
  /// The process is dead (its links may still hold frames: they are read out first). Streams
  /// without a head sent are retried once if idempotent, else 502.
  virtual void instance_dead(InstanceId instance) = 0;
  /// Whoever waits for this app is answered with that error (crash_loop, start_failed, not_deployed
  /// ...).
  virtual void fail_waiting(const AppKey& key, std::string code) = 0;
  /// Accept no more, answer what runs with "Connection: close", then stop the threads; at the
  /// latest at `deadline`. `done` is called from a gateway thread or the caller's. After it the
  /// object may be destroyed.
  virtual void drain(std::chrono::steady_clock::time_point deadline,
                     std::function<void()> done) = 0;
};

[[nodiscard]] std::unique_ptr<Gateway> make_gateway(GatewayConfig config, GatewayEvents& events,
                                                    GatewayMetrics& metrics);

}  // namespace perilune::host
