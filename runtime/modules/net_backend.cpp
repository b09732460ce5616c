#include "runtime/modules/net_backend.hpp"

#include <cerrno>

#include "runtime/modules/http_gateway.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

struct NetworkSlot {
  explicit NetworkSlot(Vm&) {}
  Network* network = nullptr;
};

}  // namespace

bool IoError::would_block() const noexcept {
  return category == Category::System && (code == EAGAIN || code == EINPROGRESS);
}

IoError system_io_error(int number) { return IoError{IoError::Category::System, number, {}}; }

IoError misc_io_error(int code) { return IoError{IoError::Category::Misc, code, {}}; }

IoError would_block_error() { return system_io_error(EAGAIN); }

std::unique_ptr<GatewayConnection> Stream::take_gateway() { return nullptr; }

void set_network(Vm& vm, Network& network) { vm.slot<NetworkSlot>().network = &network; }

Network* network_of(Vm& vm) { return vm.slot<NetworkSlot>().network; }

}  // namespace perilune::runtime
