#pragma once

/// @file
/// `require 'sleep_for'` (milliseconds) and `time.sleep` (seconds).

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

int open_sleep_for(lua_State* L);
extern const ModuleReference kSleepForReference;

int time_sleep(lua_State* L);

}  // namespace perilune::runtime
