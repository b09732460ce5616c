#pragma once

/// @file
/// Lua classes whose objects are C++ pointers: the one way in which modules make userdata, and the
/// tables from which a module's functions are both registered and documented.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "runtime/script/errors.hpp"

extern "C" {
#include <lauxlib.h>
#include <lua.h>
}

namespace perilune::runtime {

/// Whom the deadlock detector asks where an object leads to.
class ReachedSet;
using EdgeFunction = void (*)(void* object, ReachedSet& reached);
/// Makes `edges` the answer for all userdata whose metatable is on top of the stack.
void set_edges(lua_State* L, EdgeFunction edges);

/// A function of a class or module. `suspends`: registered by `push_suspending`.
struct LuaFunction {
  const char* name;
  int (*function)(lua_State* L);  ///< nullptr: made elsewhere (in Lua); only its documentation
  bool suspends = false;
  const char* usage = "";  ///< "m:try_lock_for(seconds) -> boolean"; empty: an undocumented alias
  const char* help = "";   ///< Markdown sentences: what it does, its errors, whether it interrupts
};

/// A property: `id` is what the class' getter and setter switch on.
struct LuaProperty {
  const char* name;
  int id;
  const char* help = "";  ///< "boolean: true until it was joined or detached"
};

/// What a class consists of. `name` is its key in the registry, `shown` what `getmetatable` gives.
struct LuaClass {
  const char* name;
  const char* shown;
  std::span<const LuaFunction> methods;
  std::span<const LuaProperty> readable;
  std::span<const LuaProperty> writable;
  int (*index)(lua_State* L);     ///< `lua_index<get>`
  int (*newindex)(lua_State* L);  ///< `lua_newindex<set>`
  int (*collect)(lua_State* L);
  std::span<const luaL_Reg> meta = {};  ///< further metamethods: `__eq`, `__len`, `__tostring`, …
  const char* help = "";
  /// The objects that an object leads to although Lua does not know
  /// (runtime/fiber/reachability.hpp).
  EdgeFunction edges = nullptr;
  /// What VMs know it by, from its first use in the process on.
  mutable std::atomic<std::uint32_t> number = 0;
};

/// One page of docs/reference, made of the tables that register its functions
/// (tests/support/lua_reference.hpp).
struct ModuleReference {
  const char* name;     ///< "mutex"; the page is docs/reference/lua-mutex.md
  const char* summary;  ///< Markdown: what it is for, with an example
  std::span<const LuaFunction> functions;
  std::span<const LuaClass* const> classes = {};
  bool global = false;       ///< there without `require`
  bool engine_only = false;  ///< not in hosted apps
};

/// Makes the class' metatable unless it exists, and leaves it on the stack.
void push_class(lua_State* L, const LuaClass& definition);
/// Is the value at `index` an object of the class?
[[nodiscard]] bool is_object(lua_State* L, int index, const LuaClass& definition);
/// Sets the functions as fields of the table on top.
void set_functions(lua_State* L, std::span<const LuaFunction> functions);

/// `__index` of a class, or (with methods and no properties) of the table of its methods: methods
/// come from the upvalue, properties from `Get(L, id)`, which pushes one value; an unknown key
/// raises bad_index.
template <int (*Get)(lua_State* L, int id)>
int lua_index(lua_State* L) {
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  if (lua_type(L, -1) == LUA_TNUMBER) {
    const int id = static_cast<int>(lua_tointeger(L, -1));
    lua_settop(L, 2);
    return Get(L, id);
  }
  if (lua_isnil(L, -1)) raise_bad_index(L, 2);
  return 1;
}

/// `__newindex` of a class: `Set(L, id)` finds the value at index 3; an unknown key raises EPERM.
template <void (*Set)(lua_State* L, int id)>
int lua_newindex(lua_State* L) {
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(2));
  if (lua_type(L, -1) != LUA_TNUMBER) raise_errno(L, 1 /* EPERM */);
  const int id = static_cast<int>(lua_tointeger(L, -1));
  lua_settop(L, 3);
  Set(L, id);
  return 0;
}

/// A userdata of class `name` that holds a `T`, made of `arguments`.
template <typename T, typename... Arguments>
T& push_object(lua_State* L, const LuaClass& definition, Arguments&&... arguments) {
  void* memory = lua_newuserdata(L, sizeof(T));
  T* object = nullptr;
  // Clang 14 does not take parentheses for an aggregate.
  if constexpr (std::is_constructible_v<T, Arguments...>) {
    object = new (memory) T(std::forward<Arguments>(arguments)...);
  } else {
    object = new (memory) T{std::forward<Arguments>(arguments)...};
  }
  push_class(L, definition);
  lua_setmetatable(L, -2);
  return *object;
}

/// The object at `index`, or nullptr if it is of another class.
template <typename T>
T* test_object(lua_State* L, int index, const LuaClass& definition) {
  return is_object(L, index, definition) ? static_cast<T*>(lua_touserdata(L, index)) : nullptr;
}

template <typename T>
T& check_object(lua_State* L, int index, const LuaClass& definition) {
  T* object = test_object<T>(L, index, definition);
  if (object == nullptr) raise_type(L, index, definition.shown);
  return *object;
}

template <typename T>
int collect_object(lua_State* L) {
  static_cast<T*>(lua_touserdata(L, 1))->~T();
  return 0;
}

/// The string at `index` (a number is not one), or a Lua error.
[[nodiscard]] std::string_view check_string(lua_State* L, int index);
/// The number at `index` (or a string that reads as one), or a Lua error.
[[nodiscard]] double check_number(lua_State* L, int index);
/// An integer in `minimum..maximum` at `index`, or EINVAL naming the argument.
[[nodiscard]] long long check_integer(lua_State* L, int index, long long minimum,
                                      long long maximum);

}  // namespace perilune::runtime
