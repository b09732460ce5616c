// The module `time`: `sleep`, the clocks, the timers.

#include <array>
#include <lua.hpp>

#include "runtime/fiber/clock.hpp"
#include "runtime/fiber/library.hpp"
#include "runtime/fiber/sleep.hpp"
#include "runtime/fiber/steady_timer.hpp"
#include "runtime/fiber/time.hpp"
#include "runtime/fiber/time_point.hpp"

namespace perilune::runtime {
namespace {

template <const LuaClass& Class>
int l_now(lua_State* L) {
  const VmClock& clock = VmClock::of(L);
  push_time_point(L, Class, &Class == &kSystemPoint ? clock.system() : clock.steady());
  return 1;
}

template <const LuaClass& Class>
int l_epoch(lua_State* L) {
  push_time_point(L, Class, std::chrono::nanoseconds{0});
  return 1;
}

template <const LuaClass& Class>
void set_clock(lua_State* L, const char* name) {
  lua_createtable(L, 0, 3);
  lua_pushcfunction(L, l_now<Class>);
  lua_setfield(L, -2, "now");
  lua_pushcfunction(L, l_epoch<Class>);
  lua_setfield(L, -2, "epoch");
  lua_pushboolean(L, &Class != &kSystemPoint);
  lua_setfield(L, -2, "is_steady");
  lua_setfield(L, -2, name);
}

void set_timer(lua_State* L, const char* name, lua_CFunction make) {
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, make);
  lua_setfield(L, -2, "new");
  lua_setfield(L, -2, name);
}

// Those without a function are fields of the tables that open_time makes.
constexpr std::array<LuaFunction, 6> kFunctions{{
    {"sleep", time_sleep, true, "time.sleep(seconds)",
     "Waits. EDOM for NaN, infinities and negative numbers; more than ten years are ten years; the "
     "limit `timers`. Interruption point."},
    {"now", nullptr, false, "time.CLOCK.now() -> time point",
     "What `steady_clock`, `system_clock` or `high_resolution_clock` shows."},
    {"epoch", nullptr, false, "time.CLOCK.epoch() -> time point",
     "Where that clock counts from: 1970 for `system_clock`; for the others the start of the "
     "machine, or of the VM in a hosted app."},
    {"is_steady", nullptr, false, "time.CLOCK.is_steady",
     "boolean: nobody can set this clock. `high_resolution_clock` is the steady one."},
    {"steady_timer", nullptr, false, "time.steady_timer.new() -> timer",
     "A timer that has expired."},
    {"system_timer", nullptr, false, "time.system_timer.new() -> timer",
     "A timer that has expired."},
}};
constexpr std::array kClasses{&kSteadyPoint, &kSystemPoint, &kHighResolutionPoint, &kSteadyTimer,
                              &kSystemTimer};

}  // namespace

const ModuleReference kTimeReference{
    .name = "time",
    .summary =
        "Clocks, timers and `sleep`, in seconds with fractions.\n\nIn a hosted app all clocks "
        "(these, `os.time`, `os.date` and `os.clock`) show whole milliseconds and stand still "
        "while the app computes: they move on when the app waited for something, or when its time "
        "slice is over (`slice_ms`). A wait never ends before the moment that was asked for, by "
        "the clock that the app sees.",
    .functions = kFunctions,
    .classes = kClasses,
};

int open_time(lua_State* L) {
  lua_createtable(L, 0, 6);
  set_functions(L, kFunctions);
  set_clock<kSteadyPoint>(L, "steady_clock");
  set_clock<kSystemPoint>(L, "system_clock");
  set_clock<kHighResolutionPoint>(L, "high_resolution_clock");
  set_timer(L, "steady_timer", new_steady_timer);
  set_timer(L, "system_timer", new_system_timer);
  return 1;
}

}  // namespace perilune::runtime
