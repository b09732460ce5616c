#pragma once

/// @file
/// `require 'ip'`: addresses, tcp acceptors and sockets.

#include <memory>

#include "runtime/modules/net_backend.hpp"

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// NativeModule::open: pushes the module.
int open_ip(lua_State* L);

/// Takes the stream out of the `ip.tcp.socket` at `index`, which is closed then: for modules that
/// speak a protocol over it. nullptr if the value is no tcp socket; raises EBUSY while the socket
/// has pending operations and EBADF if it is not connected.
[[nodiscard]] std::shared_ptr<Stream> take_stream(lua_State* L, int index);

/// Pushes an `ip.tcp.socket` over a connected stream.
void push_tcp_socket(lua_State* L, std::shared_ptr<Stream> stream);

}  // namespace perilune::runtime
