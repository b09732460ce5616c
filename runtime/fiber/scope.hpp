#pragma once

/// @file
/// Scopes and their cleanup handlers: the C halves for the prelude.
///
/// Every coroutine (a fiber's own, too) has one list of handlers, made when it pushes its first:
/// a Lua table. A scope is a mark: the length of the list when it was entered. Its end takes what
/// is above the mark, last first, and calls it; an error that passes leaves its handlers to the
/// scope that catches it (pcall, the end of the coroutine or fiber), so nothing has to catch and
/// raise it again on the way. A scope that is entered with handlers of outer ones in the list puts
/// `false` above them, so that scope_cleanup_pop stops there.
///
/// A fiber's list is anchored by `Fiber::cleanup`; a coroutine's by a local variable of its
/// outermost function, so that a coroutine that is never finished is collected with its handlers.
/// In a mark, bits above the 32nd are the number of runs of handlers that the fiber was inside of.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

int scope_enter(lua_State* L);    ///< () -> mark; an interruption point
int scope_bound(lua_State* L);    ///< () -> mark
int scope_pending(lua_State* L);  ///< (mark) -> boolean: handlers to run; forgets the scope
int scope_take(lua_State* L);     ///< (mark) -> the next handler to run | nil: that was all
/// (error) -> error: raised by a handler, which has not unwound yet. Ends the VM, unless it was a
/// limit that ended the handler.
int scope_failing(lua_State* L);
int scope_failed(lua_State* L);        ///< (error), after that; also when memory or stack ran out
int scope_push(lua_State* L);          ///< (handler)
int scope_pop(lua_State* L);           ///< (execute) -> mark, to `run` the last handler | nothing
int scope_bad_argument(lua_State* L);  ///< (f): raises what `scope(f)` does

/// `thread`, a coroutine that `L` resumed, has ended: moves its handlers into `L`'s list and pushes
/// their mark; or returns false.
[[nodiscard]] bool scope_adopt(lua_State* L, lua_State* thread);

extern const ModuleReference kScopeReference;

}  // namespace perilune::runtime
