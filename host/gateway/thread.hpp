#pragma once

/// @file
/// One gateway thread: accepts, runs its turns, and takes orders from the supervisor's side.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/gateway/connection.hpp"
#include "host/gateway/gateway.hpp"
#include "host/gateway/thread_state.hpp"
#include "host/gateway/worker_link.hpp"
#include "runtime/base/unique_fd.hpp"

namespace perilune::host {

/// Everything but `post` runs on the thread itself.
class GatewayThread final : private Source {
 public:
  GatewayThread(const GatewayConfig& config, GatewayEvents& events, GatewayMetrics& metrics);
  GatewayThread(const GatewayThread&) = delete;
  GatewayThread& operator=(const GatewayThread&) = delete;
  ~GatewayThread();

  /// Before `run`: the listening socket.
  void listen_on(UniqueFd listener);
  /// Runs until it is drained or stopped; returns what `drain` was given.
  [[nodiscard]] std::function<void()> run();
  /// From any thread: `order` runs on this one, in order.
  void post(std::function<void(GatewayThread&)> order);

  void publish(std::shared_ptr<const RouteTable> routes);
  void attach(InstanceId instance, const AppKey& key, UniqueFd link, std::uint32_t window);
  /// `idle` is called once the instance has no stream here.
  void retire(InstanceId instance, std::function<void()> idle);
  void instance_dead(InstanceId instance);
  void fail_waiting(const AppKey& key, const std::string& code);
  void drain(TimePoint deadline, std::function<void()> ended);
  /// Cuts everything: the thread ends with this turn's fibers.
  void stop();
  void nudged(const AppKey& key) { state_.apps.nudged(key); }
  void on_nudge(std::function<void(const AppKey&)> others) {
    state_.nudge_others = std::move(others);
  }

 private:
  void on_ready(std::uint32_t events) override;
  void accept_some();
  [[nodiscard]] int timeout_ms() const;
  void run_ready();
  void gather();
  void write_clients();
  void write_out();
  void reap();
  void scan();
  void close_listener();
  void pause_accepting();

  struct Retiring {
    InstanceId instance;
    std::function<void()> idle;
  };

  ThreadState state_;
  UniqueFd listener_;
  bool accepting_ = false;
  TimePoint accept_again_ = TimePoint::max();
  std::vector<std::unique_ptr<Connection>> connections_;
  std::map<InstanceId, std::unique_ptr<WorkerLink>> links_;
  std::vector<Retiring> retiring_;
  std::vector<Connection*> ended_;  ///< of this turn
  std::function<void()> on_ended_;
  TimePoint fail_queued_at_ = TimePoint::max();
  TimePoint cut_at_ = TimePoint::max();
};

}  // namespace perilune::host
