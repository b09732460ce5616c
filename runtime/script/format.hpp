#pragma once

/// @file
/// The global `format(fmt, ...)`: libfmt's syntax for booleans, numbers and strings.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

/// Bounds: format 4096 bytes, 255 arguments, width and precision 4096, result 1 MiB.
int format_text(lua_State* L);
extern const ModuleReference kFormatReference;

}  // namespace perilune::runtime
