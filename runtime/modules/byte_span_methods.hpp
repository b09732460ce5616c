#pragma once

/// @file
/// The methods of byte_span that only look at or change bytes: searching, filling, numbers.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Adds them to the table on top of the stack.
void register_byte_span_methods(lua_State* L);

}  // namespace perilune::runtime
