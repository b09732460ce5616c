#pragma once

/// @file
/// `require 'mutex'`: mutual exclusion between the fibers of one VM.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

class MutexState;

int open_mutex(lua_State* L);
extern const ModuleReference kMutexReference;

/// The mutex at `index`, or nullptr if it is something else.
[[nodiscard]] MutexState* test_mutex(lua_State* L, int index);

}  // namespace perilune::runtime
