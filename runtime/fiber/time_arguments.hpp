#pragma once

/// @file
/// How functions of scripts take a time: seconds, as a number with fractions.

#include <chrono>

#include "runtime/fiber/timers.hpp"

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Raises EDOM (category `generic`) with the field `arg`: the number of the argument at fault.
[[noreturn]] void raise_domain(lua_State* L, int argument);

/// The point `seconds` (argument `index`) from now, by the VM's clock. Raises EDOM for NaN,
/// infinities and negative numbers; more than ten years are ten years.
[[nodiscard]] Timers::Clock::time_point deadline_after(lua_State* L, int index);

/// A span of time that may be negative. `unit`: what the argument counts, in seconds. Raises EDOM
/// for NaN and infinities, EOVERFLOW (both with `arg`) for what does not fit into 292 years.
[[nodiscard]] std::chrono::nanoseconds check_span(lua_State* L, int index, double unit = 1);
/// A time to wait. Raises EDOM for NaN, infinities and negative numbers; more than ten years are
/// ten years.
[[nodiscard]] std::chrono::nanoseconds check_wait(lua_State* L, int index, double unit = 1);

/// Raises the limit `timers` if this VM may have no further timer. To be called before one is made.
void check_timer_quota(lua_State* L);

}  // namespace perilune::runtime
