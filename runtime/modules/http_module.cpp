#include "runtime/modules/http_module.hpp"

#include <array>

#include "runtime/modules/http_lua.hpp"

namespace perilune::runtime {
namespace {

template <MessageKind Kind>
int message_new(lua_State* L) {
  push_message(L, Kind);
  return 1;
}

int l_continue_required(lua_State* L) {
  lua_pushboolean(L, continue_required(*check_message(L, 1, MessageKind::Request)));
  return 1;
}

int l_upgrade_desired(lua_State* L) {
  lua_pushboolean(L, upgrade_desired(*check_message(L, 1, MessageKind::Request)));
  return 1;
}

}  // namespace

int open_http(lua_State* L) {
  static constexpr std::array<LuaFunction, 3> kRequest{{
      {"new", message_new<MessageKind::Request>},
      {"continue_required", l_continue_required},
      {"upgrade_desired", l_upgrade_desired},
  }};
  static constexpr std::array<LuaFunction, 1> kResponse{
      {{"new", message_new<MessageKind::Response>}}};
  static constexpr std::array<LuaFunction, 1> kSocket{{{"new", http_socket_new}}};
  lua_newtable(L);
  lua_newtable(L);
  set_functions(L, kRequest);
  lua_setfield(L, -2, "request");
  lua_newtable(L);
  set_functions(L, kResponse);
  lua_setfield(L, -2, "response");
  lua_newtable(L);
  set_functions(L, kSocket);
  lua_setfield(L, -2, "socket");
  return 1;
}

}  // namespace perilune::runtime
