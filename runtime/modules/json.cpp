#include "runtime/modules/json.hpp"

#include <array>
#include <lua.hpp>

#include "runtime/modules/json_values.hpp"

namespace perilune::runtime {
namespace {
constexpr std::array<LuaFunction, 1> kFunctions{{
    {"decode", json_decode, false, "", ""},
}};
}
int open_json(lua_State* L) {
  lua_createtable(L, 0, 8);
  set_functions(L, kFunctions);
  push_json_null(L);
  lua_setfield(L, -2, "null");
  return 1;
}
}  // namespace perilune::runtime
