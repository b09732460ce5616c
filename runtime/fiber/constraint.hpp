#pragma once

/// @file
/// Where a fiber must not suspend: what is recorded, and the errors that name both places.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

class Fiber;

/// Counts a `forbid_suspend()` of the script function that called the running C function; the first
/// one's place is what an error names. Raises when memory runs out.
void forbid_suspension(lua_State* L, Fiber& fiber);

/// Raises forbid_suspend_block for `operation`, with the fields `operation`, `at` (where it was
/// called) and `forbidden_at`.
[[noreturn]] void raise_suspension_forbidden(lua_State* L, const Fiber& fiber,
                                             const char* operation);

/// Raises "FILE:LINE: cannot suspend here: OPERATION may suspend, but WHY".
[[noreturn]] void raise_cannot_suspend(lua_State* L, const char* operation, const char* why);

}  // namespace perilune::runtime
