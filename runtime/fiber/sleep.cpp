// Modules `sleep_for` (milliseconds) and `time` (seconds).

#include <chrono>
#include <lua.hpp>
#include <memory>

#include "runtime/fiber/library.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/vm_impl.hpp"

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

int sleep(lua_State* L, const char* name, lua_Number seconds) {
  constexpr lua_Number kLongest = 10.0 * 365 * 86400;
  luaL_argcheck(L, seconds >= 0, 1, "must not be negative");
  Scheduler& scheduler = Scheduler::of(L);
  scheduler.check_may_suspend(L, true);
  Timers& timers = scheduler.timers();
  const std::uint64_t allowed = scheduler.vm().config.limits.count(Limit::Timers);
  if (timers.size() >= allowed) raise_limit(L, Limit::Timers, timers.size(), allowed);
  const std::chrono::duration<double> span{seconds < kLongest ? seconds : kLongest};
  const auto until =
      Timers::Clock::now() + std::chrono::duration_cast<Timers::Clock::duration>(span);
  return suspend(L, std::make_unique<Sleep>(name, timers, until));
}

int l_sleep_for(lua_State* L) { return sleep(L, "sleep_for", luaL_checknumber(L, 1) / 1e3); }
int l_sleep(lua_State* L) { return sleep(L, "time.sleep", luaL_checknumber(L, 1)); }

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
