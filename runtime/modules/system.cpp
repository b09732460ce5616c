#include "runtime/modules/system.hpp"

#include <unistd.h>

#include <lua.hpp>
#include <string_view>

#include "runtime/fiber/library.hpp"
#include "runtime/modules/perilune.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

/// Adds to the table on top.
void set(lua_State* L, std::string_view key, std::string_view value) {
  lua_pushlstring(L, key.data(), key.size());
  lua_pushlstring(L, value.data(), value.size());
  lua_rawset(L, -3);
}

void add_process_environment(lua_State* L) {
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text{*entry};
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) set(L, text.substr(0, equals), text.substr(equals + 1));
  }
}

}  // namespace

int open_system(lua_State* L) {
  Vm& vm = Vm::of(L);
  const AppIdentity& app = vm.slot<AppIdentity>();
  lua_createtable(L, 0, 3);
  lua_createtable(L, static_cast<int>(app.arguments.size()), 0);
  int index = 0;
  for (const std::string& argument : app.arguments) {
    lua_pushlstring(L, argument.data(), argument.size());
    lua_rawseti(L, -2, ++index);
  }
  lua_setfield(L, -2, "arguments");
  lua_newtable(L);
  if (vm.config().profile == Profile::Engine) add_process_environment(L);
  for (const auto& [key, value] : app.env) set(L, key, value);
  lua_setfield(L, -2, "environment");
  lua_pushcfunction(L, set_uncaught_hook);
  lua_setfield(L, -2, "set_uncaught_hook");
  return 1;
}

}  // namespace perilune::runtime
