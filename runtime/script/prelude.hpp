#pragma once

/// @file
/// The part of the library that is written in Lua, so that callbacks may suspend and take no C
/// stack: tostring, print, string.gsub and format, table.sort. (`require` and `load`: import.hpp)

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Name of its chunk; frames of it do not show in tracebacks and log positions.
inline constexpr const char* kPreludeChunk = "=[perilune]";

/// Pushes the prelude's main function. Raises `not enough memory`.
void push_prelude(lua_State* L);

}  // namespace perilune::runtime
