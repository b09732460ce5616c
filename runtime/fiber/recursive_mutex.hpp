#pragma once

/// @file
/// `require 'recursive_mutex'`: mutual exclusion in functions that call each other.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

class MutexState;

int open_recursive_mutex(lua_State* L);
extern const ModuleReference kRecursiveMutexReference;

/// The recursive_mutex at `index`, or nullptr if it is something else.
[[nodiscard]] MutexState* test_recursive_mutex(lua_State* L, int index);

}  // namespace perilune::runtime
