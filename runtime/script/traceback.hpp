#pragma once

/// @file
/// A traceback that shows no addresses and none of the runtime's own functions.

#include <string_view>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// How many frames `L` has: `lua_getstack` knows the levels below that.
[[nodiscard]] int stack_depth(lua_State* L) noexcept;

/// Pushes onto `L` "message\nstack traceback:\n\t…" of `of` from `level` on. `message` may be null.
/// `top_line`: where the topmost function was, if it is Lua code that an error took by surprise (an
/// instruction or a hook raised it): then the dead stack does not tell.
void push_traceback(lua_State* L, lua_State* of, const char* message, int level, int top_line = 0);

/// The line of the topmost function of the dead `of`, read from an error's text that begins with
/// its position; 0 if it does not.
[[nodiscard]] int line_in_message(lua_State* of, std::string_view text) noexcept;

/// `debug.traceback([thread,] [message [, level]])`.
int debug_traceback(lua_State* L);

/// Pushes "file:line" of the Lua function at or above `level`, or "".
void push_position(lua_State* L, int level);

}  // namespace perilune::runtime
