#pragma once

/// @file
/// Time points of the module `time`: eight bytes of userdata for each.

#include <chrono>

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

enum class ClockKind : std::uint8_t { Steady, System, HighResolution };

/// A moment on one of the VM's clocks.
struct TimePoint {
  std::chrono::nanoseconds since_epoch{0};
};

extern const LuaClass kSteadyPoint;
extern const LuaClass kSystemPoint;
extern const LuaClass kHighResolutionPoint;

void push_time_point(lua_State* L, const LuaClass& definition, std::chrono::nanoseconds time);
/// Raises EINVAL with `arg` if the argument is not of that clock.
[[nodiscard]] TimePoint& check_time_point(lua_State* L, int index, const LuaClass& definition);

}  // namespace perilune::runtime
