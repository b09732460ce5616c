#include "runtime/fiber/this_fiber.hpp"

#include <array>
#include <cerrno>
#include <lua.hpp>
#include <string_view>

#include "runtime/fiber/constraint.hpp"
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
  forbid_suspension(L, check_fiber(L));
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

/// What is no function: asked of the table of functions, so `this_fiber` itself stays empty and
/// every assignment to it is seen.
int l_property(lua_State* L) {
  Fiber& fiber = check_fiber(L);
  const std::string_view key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (key == "local_") return push_locals(L, fiber);
  if (key == "is_main") {
    lua_pushboolean(L, fiber.is_main);
  } else if (key == "id") {
    lua_pushstring(L, fiber_name(fiber.id).c_str());
  } else {
    raise_core(L, CoreError::BadIndex);
  }
  return 1;
}

int l_newindex(lua_State* L) { raise_errno(L, EPERM); }

constexpr std::array<LuaFunction, 7> kFunctions{{
    {"yield", l_yield, false, "this_fiber.yield()",
     "**Suspends.** Lets all fibers run that are ready, then goes on. An interruption point."},
    {"forbid_suspend", l_forbid_suspend, false, "this_fiber.forbid_suspend()",
     "From here to the matching `allow_suspend()` a call that may suspend raises "
     "`forbid_suspend_block` before it does anything. Calls nest. The error's message names the "
     "call and where suspension was forbidden; so do its fields `operation`, `at` and "
     "`forbidden_at`."},
    {"allow_suspend", l_allow_suspend, false, "this_fiber.allow_suspend()",
     "Ends what the matching `forbid_suspend()` began; `suspension_already_allowed` if there is "
     "none."},
    {"disable_interruption", l_disable_interruption, false, "this_fiber.disable_interruption()",
     "From here to the matching `restore_interruption()` the fiber cannot be interrupted: a "
     "request "
     "waits. Calls nest. No effect in the main fiber, which never can."},
    {"restore_interruption", l_restore_interruption, false, "this_fiber.restore_interruption()",
     "Ends what the matching `disable_interruption()` began; `interruption_already_allowed` if "
     "there is none. Not an interruption point itself."},
    {"disable_cancellation", l_disable_interruption},
    {"restore_cancellation", l_restore_interruption},
}};

constexpr std::array<LuaProperty, 3> kProperties{{
    {"local_", 0, "table: the fiber's own, made when it is first asked for"},
    {"id", 0, "string: \"0x2\", the fiber's number in the VM; panics name it"},
    {"is_main", 0, "boolean: this is the VM's main fiber, the one that runs the start file"},
}};

/// Only its documentation: there are no objects.
const LuaClass kThisFiber{.name = "perilune.this_fiber",
                          .shown = "this_fiber",
                          .methods = {},
                          .readable = kProperties,
                          .writable = {},
                          .index = nullptr,
                          .newindex = nullptr,
                          .collect = nullptr,
                          .help =
                              "What the running fiber says about itself. Another key raises "
                              "`bad_index`, an assignment EPERM."};
constexpr std::array kClasses{&kThisFiber};

}  // namespace

const ModuleReference kThisFiberReference{
    .name = "this_fiber",
    .summary =
        "The fiber that is running.\n\n"
        "```lua\n"
        "local ok, e = pcall(function()\n"
        "  this_fiber.forbid_suspend()\n"
        "  queue_lock:lock()  -- raises: it might have to wait\n"
        "end)\n"
        "this_fiber.allow_suspend()\n"
        "```\n\n"
        "`disable_cancellation` and `restore_cancellation` are other names of "
        "`disable_interruption` and `restore_interruption`.",
    .functions = kFunctions,
    .classes = kClasses,
    .global = true,
};

void open_this_fiber(lua_State* L) {
  lua_createtable(L, 0, 0);
  lua_createtable(L, 0, 3);
  lua_createtable(L, 0, static_cast<int>(kFunctions.size()));
  set_functions(L, kFunctions);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, l_property);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, l_newindex);
  lua_setfield(L, -2, "__newindex");
  lua_pushliteral(L, "this_fiber");
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  lua_setglobal(L, "this_fiber");
}

}  // namespace perilune::runtime
