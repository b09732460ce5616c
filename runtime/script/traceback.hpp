#pragma once

/// @file
/// A traceback that shows no addresses and none of the runtime's own functions.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Pushes onto `L` "message\nstack traceback:\n\t…" of `of` from `level` on. `message` may be null.
void push_traceback(lua_State* L, lua_State* of, const char* message, int level);

/// `debug.traceback([thread,] [message [, level]])`.
int debug_traceback(lua_State* L);

/// Pushes "file:line" of the Lua function at or above `level`, or "".
void push_position(lua_State* L, int level);

}  // namespace perilune::runtime
