// require 'generic_error' and require 'asio_error': tables whose fields are made on access.

#include <cerrno>
#include <cstring>
#include <lua.hpp>
#include <string_view>

#include "runtime/script/error_table.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

/// `group.NAME`: a new error each time, so that nobody else's fields are in it.
int group_index(lua_State* L) {
  const auto* group = static_cast<const ErrorCategory*>(lua_touserdata(L, lua_upvalueindex(1)));
  std::size_t size = 0;
  const char* key = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &size) : "";
  const ErrorRow* row = find_error(*group, {key, size});
  if (row == nullptr) raise_bad_index(L, 2);
  push_code(L, group->name, row->code);
  return 1;
}

int read_only(lua_State* L) { raise_errno(L, EPERM); }

/// An empty table with a metatable that makes the errors.
void push_group(lua_State* L, const ErrorCategory& group, const char* name) {
  lua_newtable(L);
  lua_createtable(L, 0, 3);
  lua_pushlightuserdata(L, const_cast<ErrorCategory*>(&group));
  lua_pushcclosure(L, group_index, 1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, read_only);
  lua_setfield(L, -2, "__newindex");
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
}

}  // namespace

int open_generic_error(lua_State* L) {
  for (const ErrorCategory& group : error_categories()) {
    if (group.module != nullptr && std::strcmp(group.module, "generic_error") == 0)
      push_group(L, group, group.module);
  }
  return 1;
}

int open_asio_error(lua_State* L) {
  constexpr std::string_view kPrefix = "asio_error.";
  lua_createtable(L, 0, 4);
  for (const ErrorCategory& group : error_categories()) {
    if (group.module == nullptr || !std::string_view{group.module}.starts_with(kPrefix)) continue;
    const char* name = group.module + kPrefix.size();
    push_group(L, group, name);
    lua_setfield(L, -2, name);
  }
  return 1;
}

}  // namespace perilune::runtime
