#pragma once

/// @file
/// `require`, `load` and what else each module has of its own: the part of the module system that
/// is written in Lua, so that a module's body may suspend.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Pushes the chunk: called with the table of C functions (modules.cpp), the globals table and
/// whether the profile is Hosted it returns `start(environment, id, root, path, context)`. Raises
/// `not enough memory`.
void push_import(lua_State* L);

}  // namespace perilune::runtime
