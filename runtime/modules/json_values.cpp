#include "runtime/modules/json_values.hpp"

#include <lua.hpp>

#include "runtime/script/errors.hpp"
#include "runtime/script/lua_class.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

const char kNullKey = 0;
const char kTagKey = 0;

int null_tostring(lua_State* L) {
  lua_pushliteral(L, "null");
  return 1;
}

int null_index(lua_State* L) { raise_core(L, CoreError::BadIndex); }

int null_newindex(lua_State* L) { raise_errno(L, 1 /* EPERM */); }

/// Pushes what the registry has under `key`, or nil.
bool push_kept(lua_State* L, const char* key) {
  lua_pushlightuserdata(L, const_cast<char*>(key));
  lua_rawget(L, LUA_REGISTRYINDEX);
  return !lua_isnil(L, -1);
}

/// Keeps the value on top, which replaces the nil below it.
void keep(lua_State* L, const char* key) {
  lua_replace(L, -2);
  lua_pushlightuserdata(L, const_cast<char*>(key));
  lua_pushvalue(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

}  // namespace

void push_json_null(lua_State* L) {
  if (push_kept(L, &kNullKey)) return;
  lua_newuserdata(L, 1);
  lua_createtable(L, 0, 4);
  lua_pushliteral(L, "json-null");
  lua_setfield(L, -2, "__metatable");
  lua_pushcfunction(L, null_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushcfunction(L, null_index);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, null_newindex);
  lua_setfield(L, -2, "__newindex");
  lua_setmetatable(L, -2);
  keep(L, &kNullKey);
}

void push_json_array_tag(lua_State* L) {
  if (push_kept(L, &kTagKey)) return;
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "json-array");
  lua_setfield(L, -2, "__metatable");
  keep(L, &kTagKey);
}

void check_json_options(lua_State* L, int index) {
  if (!lua_isnoneornil(L, index) && !lua_istable(L, index)) raise_bad_argument(L, index);
}

int json_max_depth(lua_State* L, int options) {
  if (lua_type(L, options) != LUA_TTABLE) return kJsonDepth;
  lua_pushliteral(L, "max_depth");
  lua_rawget(L, options);
  int depth = kJsonDepth;
  if (!lua_isnil(L, -1)) {
    const lua_Number wanted = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (!(wanted >= 1 && wanted <= kJsonDeepest)) raise_json_option(L, "max_depth");
    depth = static_cast<int>(wanted);
  }
  lua_pop(L, 1);
  return depth;
}

void raise_json_option(lua_State* L, const char* name) {
  push_code(L, kGenericCategory, 22 /* EINVAL */);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "arg");
  lua_error(L);
  __builtin_unreachable();
}

bool json_must_stop(lua_State* L) {
  Vm::Impl& vm = Vm::Impl::of(L);
  // A hook would do this between two instructions; here it may be long until the next one.
  if (vm.heap.wants_collection()) vm.collect(L);
  return vm.must_stop();
}

}  // namespace perilune::runtime
