#include "runtime/modules/ip_module.hpp"

#include <array>
#include <string>

#include "runtime/modules/ip_lua.hpp"
#include "runtime/modules/net_errors.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

struct SocketSlot {
  explicit SocketSlot(Vm&) {}
  std::shared_ptr<std::uint64_t> open = std::make_shared<std::uint64_t>(0);
};

int l_tostring(lua_State* L) {
  const IpAddress address = check_address(L, 1);
  const std::string text =
      lua_isnoneornil(L, 2) ? address.to_string() : to_string(Endpoint{address, check_port(L, 2)});
  lua_pushlstring(L, text.data(), text.size());
  return 1;
}

int l_toendpoint(lua_State* L) {
  const auto endpoint = parse_endpoint(check_string(L, 1));
  if (!endpoint) raise_bad_argument(L, 1);
  push_address(L, endpoint->address);
  lua_pushinteger(L, endpoint->port);
  return 2;
}

}  // namespace

void SocketCount::take(lua_State* L) {
  if (open_) return;
  Vm& vm = Vm::of(L);
  auto& slot = vm.slot<SocketSlot>();
  const std::uint64_t limit = vm.config().limits.count(Limit::Sockets);
  if (*slot.open >= limit) raise_limit(L, Limit::Sockets, *slot.open, limit);
  open_ = slot.open;
  ++*open_;
}

void SocketCount::release() noexcept {
  if (!open_) return;
  --*open_;
  open_.reset();
}

Network& check_network(lua_State* L) {
  Network* network = network_of(Vm::of(L));
  if (network == nullptr)
    raise_io(L, IoError{IoError::Category::Policy, 0, "this VM has no network"});
  return *network;
}

int open_ip(lua_State* L) {
  static constexpr std::array<LuaFunction, 2> kModule{
      {{"tostring", l_tostring}, {"toendpoint", l_toendpoint}}};
  static constexpr std::array<LuaFunction, 1> kAcceptor{{{"new", acceptor_new}}};
  static constexpr std::array<LuaFunction, 1> kSocket{{{"new", tcp_socket_new}}};
  lua_newtable(L);
  set_functions(L, kModule);
  push_address_functions(L);
  lua_setfield(L, -2, "address");
  lua_newtable(L);
  lua_newtable(L);
  set_functions(L, kAcceptor);
  lua_setfield(L, -2, "acceptor");
  lua_newtable(L);
  set_functions(L, kSocket);
  lua_setfield(L, -2, "socket");
  lua_setfield(L, -2, "tcp");
  return 1;
}

}  // namespace perilune::runtime
