#pragma once

/// @file
/// `require 'mutex'`: mutual exclusion between the fibers of one VM.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

int open_mutex(lua_State* L);
extern const ModuleReference kMutexReference;

}  // namespace perilune::runtime
