#include "runtime/script/lua_class.hpp"

#include "runtime/vm/operation.hpp"

namespace perilune::runtime {

void push_class(lua_State* L, const LuaClass& definition) {
  if (luaL_newmetatable(L, definition.name) == 0) return;
  const int metatable = lua_gettop(L);
  lua_pushstring(L, definition.shown);
  lua_setfield(L, metatable, "__metatable");

  lua_newtable(L);
  set_functions(L, definition.methods);
  for (const LuaProperty& property : definition.readable) {
    lua_pushinteger(L, property.id);
    lua_setfield(L, -2, property.name);
  }
  lua_pushcclosure(L, definition.index, 1);
  lua_setfield(L, metatable, "__index");

  lua_pushnil(L);
  lua_newtable(L);
  for (const LuaProperty& property : definition.writable) {
    lua_pushinteger(L, property.id);
    lua_setfield(L, -2, property.name);
  }
  lua_pushcclosure(L, definition.newindex, 2);
  lua_setfield(L, metatable, "__newindex");

  for (const luaL_Reg& method : definition.meta) {
    lua_pushcfunction(L, method.func);
    lua_setfield(L, metatable, method.name);
  }
  if (definition.edges != nullptr) set_edges(L, definition.edges);
  if (definition.collect != nullptr) {
    lua_pushcfunction(L, definition.collect);
    lua_setfield(L, metatable, "__gc");
  }
}

void set_functions(lua_State* L, std::span<const LuaFunction> functions) {
  for (const LuaFunction& entry : functions) {
    if (entry.function == nullptr) continue;
    if (entry.suspends) {
      push_suspending(L, entry.function, 0);
    } else {
      lua_pushcfunction(L, entry.function);
    }
    lua_setfield(L, -2, entry.name);
  }
}

std::string_view check_string(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TSTRING) raise_type(L, index, "string");
  std::size_t size = 0;
  const char* text = lua_tolstring(L, index, &size);
  return {text, size};
}

double check_number(lua_State* L, int index) {
  if (lua_isnumber(L, index) == 0) raise_type(L, index, "number");
  return lua_tonumber(L, index);
}

long long check_integer(lua_State* L, int index, long long minimum, long long maximum) {
  const lua_Number number = check_number(L, index);
  if (!(number >= static_cast<lua_Number>(minimum) && number <= static_cast<lua_Number>(maximum)))
    raise_bad_argument(L, index);
  return static_cast<long long>(number);
}

}  // namespace perilune::runtime
