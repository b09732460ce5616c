#pragma once

/// @file
/// `require`, `load` and what else each module has of its own: the part of the module system that
/// is written in Lua, so that a module's body may suspend.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Pushes the chunk: called with the table of C functions (modules.cpp) and the globals table it
/// returns `start(id, root, path, context)`, which returns the functions by name; each takes the
/// environment of the module that it acts for first. Raises `not enough memory`.
void push_import(lua_State* L);

}  // namespace perilune::runtime
