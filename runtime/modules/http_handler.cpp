#include <string>
#include <utility>

#include "runtime/modules/http_gateway.hpp"
#include "runtime/modules/http_lua.hpp"
#include "runtime/script/prelude.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

// Lua, so that the handler may suspend: no C frame lies beneath it.
constexpr std::string_view kWrapper = R"lua(
local handler, unanswered, answer = ...
if type(handler) == 'table' then handler = handler.http end
return function(sock, req, res)
  handler(sock, req, res)
  if unanswered(sock) then answer(sock, res) end
end
)lua";

struct HandlerSlot {
  explicit HandlerSlot(Vm&) {}
  int wrapper = LUA_NOREF;  ///< in the registry
};

int l_unanswered(lua_State* L) {
  const auto& socket = check_object<HttpSocketPtr>(L, 1, http_socket_class());
  lua_pushboolean(L, socket->unanswered() && socket->is_open());
  return 1;
}

void push_wrapper(lua_State* L, Vm& vm) {
  auto& slot = vm.slot<HandlerSlot>();
  if (slot.wrapper == LUA_NOREF) {
    if (luaL_loadbuffer(L, kWrapper.data(), kWrapper.size(), kPreludeChunk) != 0) lua_error(L);
    vm.push_handler(L);
    lua_pushcfunction(L, l_unanswered);
    push_class(L, http_socket_class());
    lua_getfield(L, -1, "__index");
    lua_getupvalue(L, -1, 1);
    lua_getfield(L, -1, "write_response");
    lua_replace(L, -4);
    lua_pop(L, 2);
    lua_call(L, 3, 1);
    slot.wrapper = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, slot.wrapper);
}

}  // namespace

Result<void> start_handler(Vm& vm, std::unique_ptr<GatewayConnection> connection,
                           std::function<void(const std::string* error)> on_end) {
  Invocation* const invocation = connection->invocation();
  auto backend = make_gateway_backend(std::move(connection));
  return vm.protect([&](lua_State* L) {
    push_wrapper(L, vm);
    const HttpSocketPtr socket = push_http_socket(L, std::move(backend));
    const MessagePtr request = push_message(L, MessageKind::Request);
    push_message(L, MessageKind::Response);
    // The connection carries its request already: this can't be pending.
    if (socket->read_request(request) != Step::Done) luaL_error(L, "the request is gone");
    socket->limit_to_one_request();
    vm.spawn(L, 3, invocation, std::move(on_end));
  });
}

}  // namespace perilune::runtime
