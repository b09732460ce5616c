#pragma once

/// @file
/// The C halves of `pcall` and `xpcall`, for the prelude.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

/// () -> nothing: the interruption point before a protected call.
int protected_call_check(lua_State* L);
/// (handler) -> what LuaJIT's xpcall is given in its place.
int protected_call_handler(lua_State* L);
/// () -> nothing, after an error was caught. If it ran out of memory, garbage is collected here,
/// where nothing of the failed call's frames is left on the stack. (A hook's collection still finds
/// its registers behind the caller's.)
int protected_call_recover(lua_State* L);
/// The C function that runs a script's message handler.
int protected_call_handle(lua_State* L);

extern const ModuleReference kProtectedCallsReference;

}  // namespace perilune::runtime
