#pragma once

/// @file
/// The network of `perilune run`: the operating system's TCP, waited for by one event loop.

#include <boost/asio/io_context.hpp>
#include <memory>

#include "runtime/modules/net_backend.hpp"

namespace perilune::runtime {

/// Sockets do what they can at once and wait for readiness on `loop`, which must be run on the
/// VM's thread. `loop` and the network outlive the VM.
class AsioNetwork final : public Network {
 public:
  explicit AsioNetwork(boost::asio::io_context& loop);
  ~AsioNetwork() override;

  [[nodiscard]] std::unique_ptr<Acceptor> open_acceptor(Vm& vm, bool v6, IoError& error) override;
  [[nodiscard]] std::unique_ptr<Stream> connect(Vm& vm, const Endpoint& remote,
                                                const Endpoint* local, IoError& error) override;
  [[nodiscard]] IoError connect_result(Stream& stream) override;

  /// How many fibers wait for something of this network.
  [[nodiscard]] std::size_t waiting() const noexcept;

  struct Shared;

 private:
  std::shared_ptr<Shared>
      shared_;  ///< with the sockets: handlers may run after any of them is gone
};

}  // namespace perilune::runtime
