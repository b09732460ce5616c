#pragma once

/// @file
/// The documentation of `this_fiber`.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

extern const ModuleReference kThisFiberReference;

}  // namespace perilune::runtime
