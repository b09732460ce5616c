#include "runtime/fiber/time_arguments.hpp"

#include <cerrno>
#include <chrono>
#include <cmath>
#include <lua.hpp>

#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {

Timers::Clock::time_point deadline_after(lua_State* L, int index) {
  constexpr lua_Number kLongest = 10.0 * 365 * 86400;
  const lua_Number seconds = luaL_checknumber(L, index);
  if (!std::isfinite(seconds) || seconds < 0) {
    push_code(L, kGenericCategory, EDOM);
    lua_pushinteger(L, index);
    lua_setfield(L, -2, "arg");
    lua_error(L);
  }
  const std::chrono::duration<double> span{seconds < kLongest ? seconds : kLongest};
  return Timers::Clock::now() + std::chrono::duration_cast<Timers::Clock::duration>(span);
}

void check_timer_quota(lua_State* L) {
  Scheduler& scheduler = Scheduler::of(L);
  const std::size_t in_use = scheduler.timers().size();
  const std::uint64_t allowed = scheduler.vm().config.limits.count(Limit::Timers);
  if (in_use >= allowed) raise_limit(L, Limit::Timers, in_use, allowed);
}

}  // namespace perilune::runtime
