#include "runtime/modules/virtual_network.hpp"

#include <algorithm>
#include <cerrno>
#include <deque>
#include <map>
#include <utility>

#include "runtime/modules/http_gateway.hpp"
#include "runtime/modules/virtual_pipe.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

constexpr std::uint16_t kFirstPort = 49152;

/// What `accept()` yields for a gateway's connection: only `http.socket.new` can use it.
class GatewayStream final : public Stream {
 public:
  GatewayStream(std::unique_ptr<GatewayConnection> connection, Endpoint local)
      : connection_{std::move(connection)}, local_{local} {}

  IoResult read_some(std::span<std::byte>) override { return {0, system_io_error(EOPNOTSUPP)}; }
  IoResult write_some(std::span<const std::byte>) override {
    return {0, system_io_error(EOPNOTSUPP)};
  }
  void wait_readable(IoWaiter*) override {}
  void wait_writable(IoWaiter*) override {}
  IoError shutdown(StreamEnd) override { return system_io_error(EOPNOTSUPP); }
  void close() override { connection_.reset(); }
  bool is_open() const override { return connection_ != nullptr; }
  Endpoint local() const override { return local_; }
  /// The client, as the gateway tells it.
  Endpoint remote() const override {
    const auto* request = connection_ ? connection_->request() : nullptr;
    return request != nullptr ? parse_endpoint(request->client).value_or(Endpoint{}) : Endpoint{};
  }
  IoError set_option(std::string_view, std::int64_t) override { return {}; }
  std::unique_ptr<GatewayConnection> take_gateway() override { return std::move(connection_); }

 private:
  std::unique_ptr<GatewayConnection> connection_;
  Endpoint local_;
};

}  // namespace

class VirtualAcceptor;

struct VirtualNetwork::World {
  std::uint16_t exposed = 0;  ///< configured, or the first one listened on
  std::map<std::uint16_t, VirtualAcceptor*> bound;
  std::uint16_t next_port = kFirstPort;

  /// An unbound port of the dynamic range, or 0 if there is none.
  std::uint16_t free_port() {
    for (int tries = 0; tries < 65536 - kFirstPort; ++tries) {
      const std::uint16_t port = next_port;
      next_port = port == 65535 ? kFirstPort : static_cast<std::uint16_t>(port + 1);
      if (!bound.contains(port)) return port;
    }
    return 0;
  }
};

class VirtualAcceptor final : public Acceptor {
 public:
  VirtualAcceptor(VirtualNetwork& network, VirtualNetwork::World& world, Vm& vm, bool v6)
      : network_{network},
        world_{world},
        most_{vm.config().limits.count(Limit::Concurrency)},
        v6_{v6} {
    if (v6) local_.address = IpAddress::v6({});
  }
  VirtualAcceptor(const VirtualAcceptor&) = delete;
  VirtualAcceptor& operator=(const VirtualAcceptor&) = delete;
  ~VirtualAcceptor() override { close(); }

  IoError set_option(std::string_view name, std::int64_t) override {
    // There is nothing to reuse, debug or abort in this world: accepted and without effect.
    const bool known = name == "reuse_address" || name == "enable_connection_aborted" ||
                       name == "debug" || name == "v6_only";
    return known ? IoError{} : system_io_error(ENOPROTOOPT);
  }

  IoError bind(const Endpoint& endpoint) override {
    if (local_.port != 0) return system_io_error(EINVAL);
    if (endpoint.address.is_v6() != v6_) return system_io_error(EAFNOSUPPORT);
    if (!endpoint.address.is_loopback() && !endpoint.address.is_unspecified())
      return system_io_error(EADDRNOTAVAIL);
    const std::uint16_t port = endpoint.port != 0 ? endpoint.port : world_.free_port();
    if (port == 0 || !world_.bound.emplace(port, this).second) return system_io_error(EADDRINUSE);
    local_ = {endpoint.address, port};
    return {};
  }

  IoError listen(int) override {
    if (local_.port == 0) {
      if (auto error = bind({v6_ ? IpAddress::v6({}) : IpAddress{}, 0})) return error;
    }
    listening_ = true;
    if (world_.exposed == 0) world_.exposed = local_.port;
    if (world_.exposed == local_.port && network_.on_listen) network_.on_listen(local_.port);
    return {};
  }

  bool delivers_requests() const noexcept override {
    return listening_ && world_.exposed == local_.port;
  }

  std::unique_ptr<Stream> accept(IoError& error) override {
    error = {};
    if (!open_) error = system_io_error(EBADF);
    if (open_ && !listening_) error = system_io_error(EINVAL);
    if (!error && queue_.empty()) error = would_block_error();
    if (error) return nullptr;
    auto stream = std::move(queue_.front());
    queue_.pop_front();
    return stream;
  }

  /// False if it has as many waiting as it may.
  bool enqueue(std::unique_ptr<Stream> stream) {
    if (!listening_ || queue_.size() >= most_) return false;
    queue_.push_back(std::move(stream));
    if (IoWaiter* waiter = std::exchange(waiter_, nullptr)) waiter->wake();
    return true;
  }

  void wait_acceptable(IoWaiter* waiter) override { waiter_ = waiter; }

  void close() override {
    if (!std::exchange(open_, false)) return;
    if (local_.port != 0) world_.bound.erase(local_.port);
    listening_ = false;
    queue_.clear();
    if (IoWaiter* waiter = std::exchange(waiter_, nullptr)) waiter->wake();
  }

  bool is_open() const override { return open_; }
  bool listening() const noexcept { return listening_; }
  Endpoint local() const override { return local_; }

 private:
  VirtualNetwork& network_;
  VirtualNetwork::World& world_;
  std::deque<std::unique_ptr<Stream>> queue_;
  Endpoint local_;
  IoWaiter* waiter_ = nullptr;
  std::uint64_t most_;
  bool v6_;
  bool open_ = true;
  bool listening_ = false;
};

VirtualNetwork::VirtualNetwork(Config config) : world_{std::make_unique<World>()} {
  world_->exposed = config.exposed_port;
}

VirtualNetwork::~VirtualNetwork() = default;

std::uint16_t VirtualNetwork::listening_port() const noexcept {
  const auto found = world_->bound.find(world_->exposed);
  return found != world_->bound.end() && found->second->listening() ? world_->exposed
                                                                    : std::uint16_t{0};
}

Result<void> VirtualNetwork::deliver(std::unique_ptr<GatewayConnection> connection) {
  const auto found = world_->bound.find(world_->exposed);
  if (found == world_->bound.end() || !found->second->listening())
    return Failure{"not_serving", "the app listens on no port that the gateway delivers to"};
  auto stream = std::make_unique<GatewayStream>(std::move(connection), found->second->local());
  if (!found->second->enqueue(std::move(stream)))
    return Failure{"queue_full", "the app's acceptor has as many connections waiting as it may"};
  return {};
}

std::unique_ptr<Acceptor> VirtualNetwork::open_acceptor(Vm& vm, bool v6, IoError& error) {
  error = {};
  return std::make_unique<VirtualAcceptor>(*this, *world_, vm, v6);
}

std::unique_ptr<Stream> VirtualNetwork::connect(Vm& vm, const Endpoint& remote,
                                                const Endpoint* local, IoError& error) {
  error = {};
  const bool inside = remote.address.is_loopback() || remote.address.is_unspecified();
  if (!inside) {
    if (on_outbound) return on_outbound(vm, remote, error);
    error = IoError{IoError::Category::Policy, 0,
                    "connect to " + to_string(remote) + ": this app has no outbound connections"};
    return nullptr;
  }
  const auto found = world_->bound.find(remote.port);
  const bool there = found != world_->bound.end() && found->second->listening() &&
                     found->second->local().address.is_v6() == remote.address.is_v6();
  Endpoint from{remote.address, world_->free_port()};
  if (local != nullptr && local->port != 0) from.port = local->port;
  if (there) {
    auto [mine, theirs] = make_pipe_pair(vm, from, remote);
    if (found->second->enqueue(std::move(theirs))) return std::move(mine);
  }
  error = system_io_error(ECONNREFUSED);
  return nullptr;
}

IoError VirtualNetwork::connect_result(Stream&) { return {}; }

}  // namespace perilune::runtime
