#pragma once

/// @file
/// `require 'condition_variable'`: fibers that wait until something has become true.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

int open_condition_variable(lua_State* L);
extern const ModuleReference kConditionVariableReference;

}  // namespace perilune::runtime
