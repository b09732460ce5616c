#include "runtime/engine/plugin.hpp"

#include <dlfcn.h>

#include <cerrno>
#include <cstddef>
#include <lua.hpp>
#include <span>

#include "runtime/engine/plugin_value.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

constexpr const char* kSymbol = "perilune_plugin_main";

[[noreturn]] void refuse(lua_State* L, const std::string& file, const std::string& why) {
  push_code(L, kGenericCategory, ENOEXEC, ("plugin " + file + ": " + why).c_str());
  lua_pushlstring(L, file.data(), file.size());
  lua_setfield(L, -2, "module");
  lua_error(L);
  __builtin_unreachable();
}

bool complete(const perilune_plugin& plugin) {
  if (plugin.name == nullptr || (plugin.functions == nullptr && plugin.function_count > 0))
    return false;
  for (const perilune_entry& entry : std::span{plugin.functions, plugin.function_count}) {
    if (entry.name == nullptr || entry.function == nullptr) return false;
  }
  return true;
}

const perilune_plugin& load(lua_State* L, const std::string& file) {
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* why = ::dlerror();
    refuse(L, file, std::string{"cannot be loaded: "} + (why == nullptr ? "?" : why));
  }
  const auto* plugin = static_cast<const perilune_plugin*>(::dlsym(library, kSymbol));
  if (plugin == nullptr)
    refuse(L, file, std::string{"is no plugin of Perilune: it does not export "} + kSymbol);
  if (plugin->abi != PERILUNE_PLUGIN_ABI) {
    refuse(L, file,
           "was made for ABI " + std::to_string(plugin->abi) + ", this program has ABI " +
               std::to_string(PERILUNE_PLUGIN_ABI));
  }
  if (plugin->size < sizeof(perilune_plugin) || !complete(*plugin))
    refuse(L, file, std::string{"its "} + kSymbol + " is not complete");
  return *plugin;
}

/// Calls `open`; its results become fields of the table on top.
void run_open(lua_State* L, const perilune_plugin& plugin, const std::string& file) {
  const perilune_entry entry{"open", plugin.open, nullptr, 0};
  const int table = lua_gettop(L);
  push_plugin_function(L, entry);
  lua_call(L, 0, LUA_MULTRET);
  const int last = lua_gettop(L);
  if ((last - table) % 2 != 0) refuse(L, file, "its open gave a name without a value");
  for (int name = table + 1; name < last; name += 2) {
    if (lua_type(L, name) != LUA_TSTRING) refuse(L, file, "its open gave a name that is no text");
    lua_pushvalue(L, name);
    lua_pushvalue(L, name + 1);
    lua_rawset(L, table);
  }
  lua_settop(L, table);
}

}  // namespace

void open_plugin(lua_State* L, const std::string& file) {
  const perilune_plugin& plugin = load(L, file);
  lua_createtable(L, 0, static_cast<int>(plugin.function_count));
  for (const perilune_entry& entry : std::span{plugin.functions, plugin.function_count}) {
    push_plugin_function(L, entry);
    lua_setfield(L, -2, entry.name);
  }
  if (plugin.open != nullptr) run_open(L, plugin, file);
}

}  // namespace perilune::runtime
