#include "runtime/script/library.hpp"

#include <array>
#include <bit>
#include <lua.hpp>

#include "runtime/modules/byte_span.hpp"
#include "runtime/script/format.hpp"
#include "runtime/script/load.hpp"
#include "runtime/script/log_functions.hpp"
#include "runtime/script/modules.hpp"
#include "runtime/script/os_functions.hpp"
#include "runtime/script/prelude.hpp"
#include "runtime/script/sort.hpp"
#include "runtime/script/string_functions.hpp"
#include "runtime/script/traceback.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

const char kPrimitivesKey = 0;

void open(lua_State* L, const char* name, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_pushstring(L, name);
  lua_call(L, 1, 0);
}

void set_global_nil(lua_State* L, const char* name) {
  lua_pushnil(L);
  lua_setglobal(L, name);
}

/// The metamethod `__tostring` of the value, or nil: read without other metamethods.
int custom_tostring(lua_State* L) {
  if (luaL_getmetafield(L, 1, "__tostring") == 0) lua_pushnil(L);
  return 1;
}

/// The text of a number.
int number_text(lua_State* L) {
  lua_settop(L, 1);
  (void)lua_tolstring(L, 1, nullptr);
  return 1;
}

/// `collectgarbage` of a hosted VM. A full collection on demand would be a lever on the budget of
/// whoever pays for the pause, so "collect" is one bounded step too.
int hosted_collectgarbage(lua_State* L) {
  constexpr std::array<const char*, 4> kOptions{"collect", "count", "step", nullptr};
  const int option = luaL_checkoption(L, 1, "collect", kOptions.data());
  if (option == 1) {
    const double bytes = lua_gc(L, LUA_GCCOUNT, 0) * 1024.0 + lua_gc(L, LUA_GCCOUNTB, 0);
    lua_pushnumber(L, bytes / 1024);
    return 1;
  }
  const int done = lua_gc(L, LUA_GCSTEP, 100);
  if (option == 2) {
    lua_pushboolean(L, done);
  } else {
    lua_pushinteger(L, 0);
  }
  return 1;
}

void open_stock(lua_State* L, const VmConfig& config) {
  open(L, "", luaopen_base);
  open(L, LUA_TABLIBNAME, luaopen_table);
  open(L, LUA_STRLIBNAME, luaopen_string);
  open(L, LUA_MATHLIBNAME, luaopen_math);
  open(L, LUA_BITLIBNAME, luaopen_bit);
  const bool engine = config.profile == Profile::Engine;
  // Opening the library is what makes LuaJIT look for hot loops at all.
  if (config.jit || engine) open(L, LUA_JITLIBNAME, luaopen_jit);
  if (!config.jit && engine) luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  if (!engine) return;
  open(L, LUA_IOLIBNAME, luaopen_io);
  open(L, LUA_OSLIBNAME, luaopen_os);
  mend_engine_os(L);
  open(L, LUA_DBLIBNAME, luaopen_debug);
}

/// Takes away what a hosted script may not have.
void harden(lua_State* L) {
  constexpr std::array kGone{"dofile", "loadfile", "newproxy", "getfenv",    "setfenv", "gcinfo",
                             "module", "require",  "load",     "loadstring", "package", "jit"};
  for (const char* name : kGone) set_global_nil(L, name);
  lua_pushcfunction(L, hosted_collectgarbage);
  lua_setglobal(L, "collectgarbage");

  lua_getglobal(L, "string");
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");
  lua_pop(L, 1);

  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, debug_traceback);
  lua_setfield(L, -2, "traceback");
  lua_setglobal(L, "debug");
  open_hosted_os(L);

  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 2);

  // string.buffer, table.new and the like wait in _PRELOAD; a script must not get at either table.
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, "_LOADED");
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, "_PRELOAD");
}

/// Each VM draws its own numbers: 52 bits of the host's seed.
void seed_random(lua_State* L, const VmConfig& config) {
  std::uint64_t mixed = config.seed_low + config.seed_high * 0x9E3779B97F4A7C15ULL;  // splitmix64
  mixed = (mixed ^ (mixed >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  mixed = (mixed ^ (mixed >> 27U)) * 0x94D049BB133111EBULL;
  lua_getglobal(L, "math");
  lua_getfield(L, -1, "randomseed");
  lua_pushnumber(L, std::bit_cast<double>(mixed >> 12U | 0x3FF0000000000000ULL));
  lua_call(L, 1, 0);
  lua_pop(L, 1);
}

constexpr std::array<luaL_Reg, 11> kPrimitives{{{"custom_tostring", custom_tostring},
                                                {"number_text", number_text},
                                                {"write", write_line},
                                                {"report", report_line},
                                                {"format_check", string_format_check},
                                                {"gsub", string_gsub},
                                                {"gsub_next", string_gsub_next},
                                                {"sort_plain", table_sort_plain},
                                                {"load_text", load_text},
                                                {"load_functions", load_functions},
                                                {nullptr, nullptr}}};

constexpr std::array<luaL_Reg, 4> kStrings{{{"find", string_find},
                                            {"match", string_match},
                                            {"gmatch", string_gmatch},
                                            {nullptr, nullptr}}};

void run_prelude(lua_State* L, bool hosted) {
  push_prelude(L);
  lua_createtable(L, 0, 20);
  luaL_register(L, nullptr, kPrimitives.data());
  lua_pushnumber(L, hosted ? static_cast<double>(kMaxLoadText) : 0x7FFFFFFF);
  lua_setfield(L, -2, "source_limit");
  lua_pushlightuserdata(L, const_cast<char*>(&kPrimitivesKey));
  lua_pushvalue(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
  lua_pushvalue(L, LUA_GLOBALSINDEX);
  lua_pushboolean(L, hosted ? 1 : 0);
  lua_call(L, 3, 0);
}

}  // namespace

void open_library(Vm& vm, lua_State* L) {
  const bool hosted = vm.config().profile == Profile::Hosted;
  open_stock(L, vm.config());
  if (hosted) harden(L);
  seed_random(L, vm.config());
  lua_getglobal(L, "string");
  luaL_register(L, nullptr, kStrings.data());
  lua_pop(L, 1);
  run_prelude(L, hosted);
  open_byte_span(L);
  lua_pushcfunction(L, format_text);
  lua_setglobal(L, "format");
  (void)open_log(L);
  lua_setglobal(L, "log");
}

void push_primitives(lua_State* L) {
  lua_pushlightuserdata(L, const_cast<char*>(&kPrimitivesKey));
  lua_rawget(L, LUA_REGISTRYINDEX);
}

void call_prelude(lua_State* L, const char* name, int arguments, int results) {
  push_primitives(L);
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
  lua_insert(L, -1 - arguments);
  lua_call(L, arguments, results);
}

}  // namespace perilune::runtime
