#include "runtime/script/module_seal.hpp"

#include <cerrno>
#include <lua.hpp>
#include <string_view>

#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

constexpr const char* kMetatable = "perilune.module";
constexpr int kDeepest = 3;

int unknown_key(lua_State* L) {
  // A number or another value is named by its type: converting it would call the script's code.
  const char* key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
  raise_core(L, CoreError::BadIndex,
             lua_pushfstring(L, "Requested key wasn't found in the table/userdata: '%s'", key));
}

int refuse_assignment(lua_State* L) { raise_errno(L, EPERM); }

void push_metatable(lua_State* L) {
  if (luaL_newmetatable(L, kMetatable) == 0) return;
  lua_pushcfunction(L, unknown_key);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, refuse_assignment);
  lua_setfield(L, -2, "__newindex");
  lua_pushliteral(L, "module");
  lua_setfield(L, -2, "__metatable");
}

/// True for a table of names for functions, numbers and further such tables.
bool is_namespace(lua_State* L) {
  bool any = false;
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    any = true;
    const bool data = lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) == LUA_TSTRING;
    lua_pop(L, 1);
    if (!data) continue;
    lua_pop(L, 1);
    return false;
  }
  return any;
}

/// The table on top.
void seal(lua_State* L, int depth) {
  if (lua_getmetatable(L, -1) != 0) {
    lua_pop(L, 1);
    return;
  }
  if (depth > 0 && !is_namespace(L)) return;
  luaL_checkstack(L, 8, "module");
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    if (lua_istable(L, -1) && depth < kDeepest) seal(L, depth + 1);
    lua_pop(L, 1);
  }
  push_metatable(L);
  lua_setmetatable(L, -2);
}

}  // namespace

void seal_module(lua_State* L, const char* name) {
  // LuaJIT's own is as LuaJIT's manual says.
  if (!lua_istable(L, -1) || std::string_view{name} == "ffi") return;
  lua_pushstring(L, name);
  lua_rawget(L, LUA_GLOBALSINDEX);
  const bool global = lua_rawequal(L, -1, -2) != 0;
  lua_pop(L, 1);
  if (!global) seal(L, 0);
}

}  // namespace perilune::runtime
