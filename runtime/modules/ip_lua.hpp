#pragma once

/// @file
/// The Lua classes of the `ip` module, shared by the files that make it up.

#include "runtime/modules/ip_address.hpp"
#include "runtime/modules/net_backend.hpp"
#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

[[nodiscard]] const LuaClass& address_class();
void push_address(lua_State* L, const IpAddress& address);
/// The address at `index`: an `ip.address` or its text; EINVAL otherwise.
[[nodiscard]] IpAddress check_address(lua_State* L, int index);
[[nodiscard]] std::uint16_t check_port(lua_State* L, int index);
/// True for "v6" or a v6 address at `index`, false for v4; EINVAL otherwise.
[[nodiscard]] bool check_family(lua_State* L, int index);
/// A boolean or an integer at `index`.
[[nodiscard]] std::int64_t check_option_value(lua_State* L, int index);

/// Push the tables `ip.address` and the classes' `new`.
void push_address_functions(lua_State* L);
int acceptor_new(lua_State* L);
int tcp_socket_new(lua_State* L);

/// One of the VM's sockets: counted against the limit `sockets` until it is released.
class SocketCount {
 public:
  SocketCount() = default;
  SocketCount(const SocketCount&) = delete;
  SocketCount& operator=(const SocketCount&) = delete;
  ~SocketCount() { release(); }
  /// Raises the limit's error when the VM has no socket left. Nothing if it is counted already.
  void take(lua_State* L);
  void release() noexcept;

 private:
  /// Shared with the VM's slot: handles are collected after the slots are gone.
  std::shared_ptr<std::uint64_t> open_;
};

/// The network of the VM, or an error that says that there is none.
[[nodiscard]] Network& check_network(lua_State* L);

}  // namespace perilune::runtime
