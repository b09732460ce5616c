#pragma once

/// @file
/// The network of a hosted app: its own loopback world and what the gateway delivers, no operating
/// system beneath.

#include <cstdint>
#include <functional>
#include <memory>

#include "runtime/base/result.hpp"
#include "runtime/modules/net_backend.hpp"

namespace perilune::runtime {

class GatewayConnection;

/// Acceptors bind in the app's own world, connects to loopback are in-process pipes of 64 KiB per
/// direction (charged to the VM). Any other connect asks `on_outbound`.
class VirtualNetwork final : public Network {
 public:
  struct Config {
    /// Bound port that the gateway delivers to; 0: the first one on which the app listens.
    std::uint16_t exposed_port = 0;
  };
  explicit VirtualNetwork(Config config);
  ~VirtualNetwork() override;

  /// Called when the app listens on the exposed port: it serves from now on.
  std::function<void(std::uint16_t port)> on_listen;
  /// A connect to anywhere but loopback; unset: refused with an error that says so.
  std::function<std::unique_ptr<Stream>(Vm& vm, const Endpoint& remote, IoError& error)>
      on_outbound;

  /// The exposed port while an acceptor listens on it, else 0.
  [[nodiscard]] std::uint16_t listening_port() const noexcept;
  /// Gives a connection that carries a request to the acceptor on the exposed port; its next
  /// `accept()` yields it. Fails with `not_serving` (nobody listens) or `queue_full` (the acceptor
  /// has as many waiting as its limit `concurrency` allows).
  [[nodiscard]] Result<void> deliver(std::unique_ptr<GatewayConnection> connection);

  [[nodiscard]] std::unique_ptr<Acceptor> open_acceptor(Vm& vm, bool v6, IoError& error) override;
  [[nodiscard]] std::unique_ptr<Stream> connect(Vm& vm, const Endpoint& remote,
                                                const Endpoint* local, IoError& error) override;
  [[nodiscard]] IoError connect_result(Stream& stream) override;

  struct World;

 private:
  std::unique_ptr<World> world_;
};

}  // namespace perilune::runtime
