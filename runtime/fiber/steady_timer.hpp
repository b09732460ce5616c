#pragma once

/// @file
/// `time.steady_timer`, `time.system_timer` and the module `steady_timer` of 2021: one class of
/// timers over two clocks.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

extern const LuaClass kSteadyTimer;
extern const LuaClass kSystemTimer;
/// The first releases' spelling: `expires_after` takes milliseconds.
extern const LuaClass kMillisecondTimer;

int new_steady_timer(lua_State* L);
int new_system_timer(lua_State* L);

/// `require 'steady_timer'`.
int open_steady_timer(lua_State* L);
extern const ModuleReference kSteadyTimerReference;

}  // namespace perilune::runtime
