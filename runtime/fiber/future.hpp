#pragma once

/// @file
/// `require 'future'`: values that will be known later.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

int open_future(lua_State* L);
extern const ModuleReference kFutureReference;

}  // namespace perilune::runtime
