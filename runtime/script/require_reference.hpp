#pragma once

/// @file
/// The documentation of `require` and of what else each module has of its own.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

extern const ModuleReference kRequireReference;

}  // namespace perilune::runtime
