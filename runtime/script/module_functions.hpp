#pragma once

/// @file
/// The C halves of `require`, for the prelude.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Adds native, locate, load_module, raise_cyclic, wait and wake to the table on top.
void register_module_functions(lua_State* L);

}  // namespace perilune::runtime
