// Modules `sleep_for` (milliseconds) and `time` (seconds).

#include <chrono>
#include <lua.hpp>
#include <memory>

#include "runtime/fiber/library.hpp"
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

int sleep(lua_State* L, const char* name, Timers::Clock::time_point until) {
  Scheduler& scheduler = Scheduler::of(L);
  scheduler.check_may_suspend(L, name, true);
  check_timer_quota(L);
  return suspend(L, std::make_unique<Sleep>(name, scheduler.timers(), until));
}

int l_sleep_for(lua_State* L) {
  const lua_Number milliseconds = luaL_checknumber(L, 1);
  lua_settop(L, 0);
  lua_pushnumber(L, milliseconds / 1e3);
  return sleep(L, "sleep_for", deadline_after(L, 1));
}

int l_sleep(lua_State* L) { return sleep(L, "time.sleep", deadline_after(L, 1)); }

}  // namespace

int open_sleep_for(lua_State* L) {
  push_suspending(L, l_sleep_for, 0);
  return 1;
}

int open_time(lua_State* L) {
  lua_createtable(L, 0, 1);
  push_suspending(L, l_sleep, 0);
  lua_setfield(L, -2, "sleep");
  return 1;
}

}  // namespace perilune::runtime
