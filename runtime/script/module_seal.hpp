#pragma once

/// @file
/// Built-in modules refuse what they do not have.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Gives the module on top of the stack, and the tables of functions in it, the one metatable of
/// all modules: reading an unknown key raises bad_index, adding one EPERM, `getmetatable` gives
/// "module". Leaves alone what has a metatable, what is a global (`byte_span`), LuaJIT's `ffi`, and
/// tables of data (lists, texts by name).
void seal_module(lua_State* L, const char* name);

}  // namespace perilune::runtime
