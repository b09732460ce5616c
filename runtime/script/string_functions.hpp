#pragma once

/// @file
/// The C halves of `string.find match gmatch gsub` and the check before `string.format`.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

int string_find(lua_State* L);
int string_match(lua_State* L);
int string_gmatch(lua_State* L);
/// gsub with a replacement string; everything else is refused as a bad argument.
int string_gsub(lua_State* L);
/// (s, p, position) -> first, behind the last, captures…; nothing without a match. For the prelude:
/// errors are reported at its caller.
int string_gsub_next(lua_State* L);
/// (format, …) -> index of the first argument that needs `tostring` first; nothing if there is
/// none. Refuses formats over 4096 bytes and `%p`.
int string_format_check(lua_State* L);

}  // namespace perilune::runtime
