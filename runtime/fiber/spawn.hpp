#pragma once

/// @file
/// The documentation of `spawn` and of the handle that it returns.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

extern const ModuleReference kSpawnReference;

}  // namespace perilune::runtime
