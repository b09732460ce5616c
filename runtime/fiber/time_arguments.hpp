#pragma once

/// @file
/// How functions of scripts take a time: seconds, as a number with fractions.

#include "runtime/fiber/timers.hpp"

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// The point `seconds` (argument `index`) from now. Raises EDOM (category `generic`, field `arg`)
/// for NaN, infinities and negative numbers; more than ten years are ten years.
[[nodiscard]] Timers::Clock::time_point deadline_after(lua_State* L, int index);

/// Raises the limit `timers` if this VM may have no further timer. To be called before one is made.
void check_timer_quota(lua_State* L);

}  // namespace perilune::runtime
