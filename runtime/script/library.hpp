#pragma once

/// @file
/// The standard library that a script sees: stock LuaJIT functions where they are safe, ours where
/// they call back, take unbounded time or show what they should not.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

class Vm;

/// Fills the global table of a fresh `L` (`vm.config()` says profile, JIT and seed). Those globals
/// are the pattern from which every module's environment is made, so whatever adds globals
/// (fibers) does it before the first module starts. `pcall`, `xpcall` and `coroutine` are stock
/// here; the fiber library replaces them. Call under protection: it raises `not enough memory`.
void open_library(Vm& vm, lua_State* L);

/// Pushes the table of primitives that the prelude shares with C++.
void push_primitives(lua_State* L);

/// Calls the prelude's function `name` with the `arguments` on top of the stack; leaves `results`.
void call_prelude(lua_State* L, const char* name, int arguments, int results);

}  // namespace perilune::runtime
