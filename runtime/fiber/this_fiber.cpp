// this_fiber: what the running fiber says about itself.

#include <cerrno>
#include <cstdio>
#include <lua.hpp>
#include <string_view>

#include "runtime/fiber/library.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

Fiber& check_fiber(lua_State* L) {
  Fiber* fiber = Scheduler::of(L).current();
  if (fiber == nullptr) luaL_error(L, "not in a fiber");
  return *fiber;
}

int l_yield(lua_State* L) { return Scheduler::of(L).yield(L); }

int l_forbid_suspend(lua_State* L) {
  ++check_fiber(L).forbid_suspend;
  return 0;
}

int l_allow_suspend(lua_State* L) {
  Fiber& fiber = check_fiber(L);
  if (fiber.forbid_suspend == 0) raise_core(L, CoreError::SuspensionAlreadyAllowed);
  --fiber.forbid_suspend;
  return 0;
}

int l_disable_interruption(lua_State* L) {
  Fiber& fiber = check_fiber(L);
  if (!fiber.is_main) ++fiber.disable_interruption;
  return 0;
}

int l_restore_interruption(lua_State* L) {
  Fiber& fiber = check_fiber(L);
  if (fiber.is_main) return 0;
  if (fiber.disable_interruption == 0) raise_core(L, CoreError::InterruptionAlreadyAllowed);
  --fiber.disable_interruption;
  return 0;
}

int push_locals(lua_State* L, Fiber& fiber) {
  if (fiber.locals == LUA_NOREF) {
    lua_newtable(L);
    lua_pushvalue(L, -1);
    fiber.locals = luaL_ref(L, LUA_REGISTRYINDEX);
    return 1;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, fiber.locals);
  return 1;
}

int l_index(lua_State* L) {
  Fiber& fiber = check_fiber(L);
  const std::string_view key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (key == "local_") return push_locals(L, fiber);
  if (key == "is_main") {
    lua_pushboolean(L, fiber.is_main);
  } else if (key == "id") {
    char text[16];
    std::snprintf(text, sizeof text, "0x%x", fiber.id);
    lua_pushstring(L, text);
  } else {
    raise_core(L, CoreError::BadIndex);
  }
  return 1;
}

int l_newindex(lua_State* L) { raise_errno(L, EPERM); }

}  // namespace

void open_this_fiber(lua_State* L) {
  constexpr luaL_Reg kFunctions[] = {{"yield", l_yield},
                                     {"forbid_suspend", l_forbid_suspend},
                                     {"allow_suspend", l_allow_suspend},
                                     {"disable_interruption", l_disable_interruption},
                                     {"restore_interruption", l_restore_interruption},
                                     {"disable_cancellation", l_disable_interruption},
                                     {"restore_cancellation", l_restore_interruption}};
  lua_createtable(L, 0, 8);
  for (const luaL_Reg& function : kFunctions) {
    lua_pushcfunction(L, function.func);
    lua_setfield(L, -2, function.name);
  }
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, l_index);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, l_newindex);
  lua_setfield(L, -2, "__newindex");
  lua_pushliteral(L, "this_fiber");
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_setglobal(L, "this_fiber");
}

}  // namespace perilune::runtime
