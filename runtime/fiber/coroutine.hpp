#pragma once

/// @file
/// `coroutine.*`: coroutines inside fibers, and the C halves for the prelude.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

/// (body) -> coroutine.create. `body(f, ...)` is the outermost function of every coroutine: it
/// calls `f` and has one local, in which the coroutine's cleanup handlers are anchored.
int coroutine_make_create(lua_State* L);
/// (thread, ...) -> true, values… | false, error | mark, true or false, … (it ended with cleanup
/// handlers pending, now in the caller's list) | token (it suspended and goes on: `continue`).
int coroutine_resume(lua_State* L);
/// (thread, token): goes on with a coroutine inside of which the fiber was suspended; as `resume`.
int coroutine_continue(lua_State* L);

/// Makes the global table of create, resume and wrap, which are on top, and pops them.
void open_coroutine(lua_State* L);

extern const ModuleReference kCoroutineReference;

}  // namespace perilune::runtime
