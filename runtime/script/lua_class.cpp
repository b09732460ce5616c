#include "runtime/script/lua_class.hpp"

#include "runtime/vm/operation.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

std::uint32_t number_of(const LuaClass& definition) noexcept {
  static std::atomic<std::uint32_t> last{0};
  std::uint32_t number = definition.number.load(std::memory_order_relaxed);
  if (number != 0) return number;
  const std::uint32_t fresh = ++last;
  // Of VMs that use it for the first time in several threads one is first.
  return definition.number.compare_exchange_strong(number, fresh) ? fresh : number;
}

/// The metatable of a class without properties needs no function for what scripts do all the time,
/// the call of a method: that is found in a table, also by the compiler. Takes the function for all
/// other keys from the top; the table of methods is below it.
void set_fallback(lua_State* L) {
  lua_createtable(L, 0, 1);
  lua_insert(L, -2);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}

}  // namespace

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
  if (definition.readable.empty() && !definition.methods.empty()) {
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, definition.index, 1);
    set_fallback(L);
  } else {
    lua_pushcclosure(L, definition.index, 1);
  }
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

bool is_object(lua_State* L, int index, const LuaClass& definition) {
  if (lua_type(L, index) != LUA_TUSERDATA || lua_getmetatable(L, index) == 0) return false;
  const void* metatable = lua_topointer(L, -1);
  lua_pop(L, 1);
  // Compared by address: the registry keeps the metatable for as long as the VM lives, and a look
  // into it by name costs more than most functions that ask.
  Vm& vm = Vm::of(L);
  const std::uint32_t number = number_of(definition);
  if (const void* known = vm.class_address(number)) return metatable == known;
  luaL_getmetatable(L, definition.name);
  const void* found = lua_topointer(L, -1);
  lua_pop(L, 1);
  vm.class_address(number) = found;
  return metatable == found;
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
