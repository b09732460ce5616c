#pragma once

/// @file
/// `require 'time'`: clocks, timers, sleep.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

int open_time(lua_State* L);
extern const ModuleReference kTimeReference;

}  // namespace perilune::runtime
