#pragma once

/// @file
/// What scripts see of fibers: `spawn`, `this_fiber`, `pcall`, `xpcall`, `coroutine`, and modules.

#include <span>

#include "runtime/vm/vm.hpp"

namespace perilune::runtime {

/// Registry field: a Lua function that makes a suspending function of a native one.
inline constexpr const char* kSuspendingWrapper = "perilune.suspending";

/// Registry field: the Lua function that runs the cleanup handlers above a mark.
inline constexpr const char* kCleanupRunner = "perilune.cleanup";

/// Installs the globals. Needs LuaJIT's own pcall, xpcall and coroutine in the globals table, and
/// replaces them. Inside `protect`.
void open_fibers(Vm& vm, lua_State* L);

/// The modules of synchronisation and time.
[[nodiscard]] std::span<const NativeModule> fiber_modules() noexcept;

// Parts of open_fibers, one file each.
void open_prelude(lua_State* L);     ///< pcall, xpcall, scope, coroutine, the suspending wrapper
void open_spawn(lua_State* L);       ///< spawn and the fiber's methods
void open_this_fiber(lua_State* L);  ///< this_fiber

// For the prelude.
int finish_suspension(lua_State* L);  ///< `finish` of what push_suspending makes
int raise_value(lua_State* L);        ///< raises its argument as it is

/// `system.set_uncaught_hook(f)`: from now on `f(error, traceback, fiber_id)` is called, in a fiber
/// of its own, for each error that ended a fiber and that nobody can hear of because its handle was
/// detached or collected; nil: such errors are logged again. Interruptions do not count as errors,
/// nor does what ends a whole invocation. If the hook fails, both errors are logged.
int set_uncaught_hook(lua_State* L);

}  // namespace perilune::runtime
