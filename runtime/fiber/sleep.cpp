#include "runtime/fiber/sleep.hpp"

#include <array>
#include <lua.hpp>
#include <memory>

#include "runtime/fiber/clock.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/fiber/time_arguments.hpp"

namespace perilune::runtime {
namespace {

class Sleep final : public Operation, private Timer {
 public:
  Sleep(const char* name, Timers& timers, Timers::Clock::time_point until) : name_{name} {
    timers.add(*this, until);
  }
  [[nodiscard]] const char* name() const noexcept override { return name_; }
  void cancel() noexcept override { complete_cancelled(); }
  int finish(lua_State*) override { return 0; }

 private:
  void expire() noexcept override { complete(); }
  const char* name_;
};

int sleep(lua_State* L, const char* name, double unit) {
  const VmClock::Span span = check_wait(L, 1, unit);
  Scheduler& scheduler = Scheduler::of(L);
  scheduler.check_may_suspend(L, name, true);
  check_timer_quota(L);
  return suspend(L,
                 std::make_unique<Sleep>(name, scheduler.timers(), VmClock::of(L).due_after(span)));
}

int l_sleep_for(lua_State* L) { return sleep(L, "sleep_for", 1e-3); }

constexpr std::array<LuaFunction, 1> kFunctions{{
    {"sleep_for", l_sleep_for, true, "sleep_for(milliseconds)",
     "Waits. EDOM for NaN, infinities and negative numbers; more than ten years are ten years; the "
     "limit `timers`. Interruption point."},
}};

}  // namespace

const ModuleReference kSleepForReference{
    .name = "sleep_for",
    .summary =
        "`local sleep_for = require 'sleep_for'`: the module is the function. New programs "
        "use `time.sleep`, which takes seconds.",
    .functions = kFunctions,
};

int time_sleep(lua_State* L) { return sleep(L, "time.sleep", 1); }

int open_sleep_for(lua_State* L) {
  push_suspending(L, l_sleep_for, 0);
  return 1;
}

}  // namespace perilune::runtime
