#pragma once

/// @file
/// json.encode and json.writer.

#include "runtime/modules/json_output.hpp"
#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

extern const LuaClass kJsonWriter;
/// json.writer.new([options])
int json_writer_new(lua_State* L);

/// The writer at `index`, or a Lua error.
[[nodiscard]] JsonOutput& check_json_writer(lua_State* L, int index);

/// Pushes `json.encode`. It is driven from Lua, so that a `__tojson` may suspend.
void push_json_encode(lua_State* L);

}  // namespace perilune::runtime
