#pragma once

/// @file
/// Why a fiber cannot suspend somewhere, said to whoever tried.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Raises an error in `L`: `operation` cannot suspend, because code in C waits for what runs in
/// `of` (`L`, or a coroutine around it). Looks for that code on the stack: a finaliser, a message
/// handler, a library function. For the error path: walks up to 200 frames.
[[noreturn]] void raise_cannot_wait(lua_State* L, lua_State* of, const char* operation);

}  // namespace perilune::runtime
