#include "runtime/fiber/time_arguments.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <lua.hpp>

#include "runtime/fiber/clock.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/script/lua_class.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

[[noreturn]] void raise_at(lua_State* L, int number, int argument) {
  push_code(L, kGenericCategory, number);
  lua_pushinteger(L, argument);
  lua_setfield(L, -2, "arg");
  lua_error(L);
  __builtin_unreachable();
}

lua_Number check_seconds(lua_State* L, int index, double unit, bool may_be_negative) {
  const lua_Number seconds = check_number(L, index) * unit;
  if (!std::isfinite(seconds) || (seconds < 0 && !may_be_negative)) raise_domain(L, index);
  return seconds;
}

}  // namespace

void raise_domain(lua_State* L, int argument) { raise_at(L, EDOM, argument); }

std::chrono::nanoseconds check_span(lua_State* L, int index, double unit) {
  constexpr lua_Number kMost = 9.2e9;  // 2^63 ns are a little more
  const lua_Number seconds = check_seconds(L, index, unit, true);
  if (std::abs(seconds) > kMost) raise_at(L, EOVERFLOW, index);
  return std::chrono::nanoseconds{static_cast<std::int64_t>(std::round(seconds * 1e9))};
}

std::chrono::nanoseconds check_wait(lua_State* L, int index, double unit) {
  const lua_Number seconds = check_seconds(L, index, unit, false);
  constexpr lua_Number kLongest =
      std::chrono::duration_cast<std::chrono::duration<lua_Number>>(VmClock::kLongest).count();
  // Up: half a nanosecond is not nothing.
  return std::chrono::nanoseconds{
      static_cast<std::int64_t>(std::ceil(std::min(seconds, kLongest) * 1e9))};
}

Timers::Clock::time_point deadline_after(lua_State* L, int index) {
  return VmClock::of(L).due_after(check_wait(L, index));
}

void check_timer_quota(lua_State* L) {
  Scheduler& scheduler = Scheduler::of(L);
  const std::size_t in_use = scheduler.timers().size();
  const std::uint64_t allowed = scheduler.vm().config.limits.count(Limit::Timers);
  if (in_use >= allowed) raise_limit(L, Limit::Timers, in_use, allowed);
}

}  // namespace perilune::runtime
