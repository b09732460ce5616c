#include "host/gateway/gateway.hpp"

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <utility>

#include "host/gateway/sockets.hpp"
#include "host/gateway/thread.hpp"

namespace perilune::host {
namespace {

/// Calls `action` when the last of `count` parties has arrived.
std::function<void()> barrier(std::size_t count, std::function<void()> action) {
  auto left = std::make_shared<std::atomic<std::size_t>>(count);
  return [left, action = std::move(action)] {
    if (left->fetch_sub(1) == 1) action();
  };
}

class GatewayImpl final : public Gateway {
 public:
  GatewayImpl(GatewayConfig config, GatewayEvents& events, GatewayMetrics& metrics)
      : config_{std::move(config)}, events_{events} {
    for (unsigned i = 0; i < std::max(1U, config_.threads); ++i)
      threads_.push_back(std::make_unique<GatewayThread>(config_, events, metrics));
    for (const auto& thread : threads_) {
      thread->on_nudge([this, self = thread.get()](const AppKey& key) {
        for (const auto& other : threads_) {
          if (other.get() != self) other->post([key](GatewayThread& t) { t.nudged(key); });
        }
      });
    }
  }

  ~GatewayImpl() override {
    for (const auto& thread : threads_) thread->post([](GatewayThread& t) { t.stop(); });
    for (std::thread& runner : runners_) {
      // `drain` calls its caller back on a gateway thread, which may end this object there.
      if (runner.get_id() == std::this_thread::get_id()) {
        runner.detach();
      } else if (runner.joinable()) {
        runner.join();
      }
    }
  }
  GatewayImpl(const GatewayImpl&) = delete;
  GatewayImpl& operator=(const GatewayImpl&) = delete;

  Result<void> start() override {
    boost::asio::ip::tcp::endpoint endpoint = config_.endpoint;
    for (const auto& thread : threads_) {
      auto listener = listen_on(endpoint, threads_.size() > 1);
      if (!listener) return listener.error();
      if (port_ == 0) port_ = bound_port(listener->get());
      endpoint.port(port_);
      thread->listen_on(std::move(*listener));
    }
    for (const auto& thread : threads_)
      runners_.emplace_back([t = thread.get()] {
        // The last thing that touches this object: whoever is told may destroy it.
        if (const auto ended = t->run()) ended();
      });
    return {};
  }

  [[nodiscard]] std::uint16_t port() const override { return port_; }

  void publish(std::shared_ptr<const RouteTable> routes) override {
    everywhere([routes = std::move(routes)](GatewayThread& t) { t.publish(routes); });
  }

  void attach(InstanceId instance, AppKey key, std::vector<UniqueFd> links,
              std::uint32_t window) override {
    if (links.size() != threads_.size())
      throw std::invalid_argument{"a worker needs one link per gateway thread"};
    for (std::size_t i = 0; i < threads_.size(); ++i) {
      auto link = std::make_shared<UniqueFd>(std::move(links[i]));
      threads_[i]->post([instance, key, link, window](GatewayThread& t) {
        t.attach(instance, key, std::move(*link), window);
      });
    }
  }

  void retire(InstanceId instance) override {
    const auto idle = barrier(threads_.size(), [this, instance] { events_.drained(instance); });
    everywhere([instance, idle](GatewayThread& t) { t.retire(instance, idle); });
  }

  void instance_dead(InstanceId instance) override {
    everywhere([instance](GatewayThread& t) { t.instance_dead(instance); });
  }

  void fail_waiting(const AppKey& key, std::string code) override {
    everywhere([key, code = std::move(code)](GatewayThread& t) { t.fail_waiting(key, code); });
  }

  void drain(std::chrono::steady_clock::time_point deadline, std::function<void()> done) override {
    if (runners_.empty()) {
      done();
      return;
    }
    auto last = barrier(threads_.size(), std::move(done));
    everywhere([deadline, last](GatewayThread& t) { t.drain(deadline, last); });
  }

 private:
  template <typename Order>
  void everywhere(const Order& order) {
    for (const auto& thread : threads_) thread->post(order);
  }

  GatewayConfig config_;
  GatewayEvents& events_;
  std::vector<std::unique_ptr<GatewayThread>> threads_;
  std::vector<std::thread> runners_;
  std::uint16_t port_ = 0;
};

}  // namespace

std::unique_ptr<Gateway> make_gateway(GatewayConfig config, GatewayEvents& events,
                                      GatewayMetrics& metrics) {
  return std::make_unique<GatewayImpl>(std::move(config), events, metrics);
}

}  // namespace perilune::host
