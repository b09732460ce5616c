#pragma once

/// @file
/// What JSON values are in Lua: the null object, the tag of arrays, and the limit on depth.

#include <cstddef>

#include "runtime/modules/json_reader.hpp"

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Nesting: the default of `max_depth`, and the most that may be asked for.
inline constexpr int kJsonDepth = 128;
inline constexpr int kJsonDeepest = 1000;

/// Pushes `json.null`, a userdata of which there is one in a VM.
void push_json_null(lua_State* L);
/// Pushes the metatable that marks a table as an array.
void push_json_array_tag(lua_State* L);
/// The optional table of options at `index`, or EINVAL.
void check_json_options(lua_State* L, int index);
/// The option `max_depth` of the table at `options` (which may be none): 1..kJsonDeepest, or
/// EINVAL.
[[nodiscard]] int json_max_depth(lua_State* L, int options);
/// Raises EINVAL with the field `arg`: the name of the option at fault.
[[noreturn]] void raise_json_option(lua_State* L, const char* name);
/// How often a loop over a script's data should call this: about every 16 KiB of text, or thousand
/// values. Collects garbage if memory is short. True if the loop has to stop (Vm::raise_verdict).
[[nodiscard]] bool json_must_stop(lua_State* L);

int json_decode(lua_State* L);

}  // namespace perilune::runtime
