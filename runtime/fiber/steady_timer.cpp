#include "runtime/fiber/steady_timer.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <lua.hpp>
#include <memory>

#include "runtime/fiber/clock.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/fiber/time_arguments.hpp"
#include "runtime/fiber/time_point.hpp"

namespace perilune::runtime {
namespace {

using Span = VmClock::Span;

class Wait;

/// The script's userdata. It knows who waits; each of them has a place in the VM's queue.
struct WaitableTimer {
  explicit WaitableTimer(ClockKind of) noexcept : kind{of} {}
  WaitableTimer(const WaitableTimer&) = delete;
  WaitableTimer& operator=(const WaitableTimer&) = delete;
  ~WaitableTimer();

  /// Ends all waits with operation_aborted; how many there were.
  int cancel() noexcept;

  ClockKind kind;
  Span expiry{0};  ///< since the clock's epoch: long ago, so a new timer has expired
  Wait* first = nullptr;
  Wait* last = nullptr;
};

/// One fiber that waits for a timer.
class Wait final : public Operation, private Timer {
 public:
  Wait(lua_State* L, WaitableTimer& owner)
      : clock_{&VmClock::of(L)},
        timers_{&Scheduler::of(L).timers()},
        owner_{&owner},
        system_{owner.kind == ClockKind::System},
        until_{owner.expiry} {
    timers_->add(*this, next_look());
    previous_ = owner.last;
    (previous_ != nullptr ? previous_->next_ : owner.first) = this;
    owner.last = this;
  }
  ~Wait() override { unlink(); }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  [[nodiscard]] const char* name() const noexcept override {
    return system_ ? "system_timer:wait" : "steady_timer:wait";
  }
  void cancel() noexcept override {
    leave();
    complete_cancelled();
  }
  void abort() noexcept {
    leave();
    aborted_ = true;
    complete();
  }
  void forget_owner() noexcept { owner_ = nullptr; }
  [[nodiscard]] Wait* next() const noexcept { return next_; }
  int finish(lua_State* L) override {
    if (aborted_) raise_system(L, ECANCELED);
    return 0;
  }

 private:
  /// How often a wait for the system clock looks whether somebody set that clock.
  static constexpr Span kLook = std::chrono::seconds{5};

  [[nodiscard]] Timers::Clock::time_point due() const noexcept {
    return system_ ? clock_->due_system(until_) : clock_->due_steady(until_);
  }
  [[nodiscard]] Timers::Clock::time_point next_look() const noexcept {
    const auto when = due();
    return system_ ? std::min(when, clock_->due_after(kLook)) : when;
  }
  void expire() noexcept override {
    if ((system_ ? clock_->system() : clock_->steady()) < until_) {
      // Out of the queue a moment ago, so there is room in it. Never at once: the queue would not
      // come to an end.
      timers_->add(*this, std::max(next_look(), clock_->machine_now() + VmClock::kTick / 10));
      return;
    }
    unlink();
    complete();
  }
  void leave() noexcept {
    timers_->remove(*this);
    unlink();
  }
  void unlink() noexcept {
    if (owner_ == nullptr) return;
    (previous_ != nullptr ? previous_->next_ : owner_->first) = next_;
    (next_ != nullptr ? next_->previous_ : owner_->last) = previous_;
    owner_ = nullptr;
  }

  VmClock* clock_;
  Timers* timers_;
  WaitableTimer* owner_;
  Wait* previous_ = nullptr;
  Wait* next_ = nullptr;
  bool system_;
  bool aborted_ = false;
  Span until_;
};

int WaitableTimer::cancel() noexcept {
  int count = 0;
  for (; first != nullptr; ++count) first->abort();
  return count;
}

/// Whoever waits has the timer on its stack; only the end of the VM takes both at once.
WaitableTimer::~WaitableTimer() {
  for (Wait* wait = first; wait != nullptr; wait = wait->next()) wait->forget_owner();
}

template <const LuaClass& Class>
WaitableTimer& check_timer(lua_State* L) {
  auto* timer = test_object<WaitableTimer>(L, 1, Class);
  if (timer == nullptr) raise_bad_argument(L, 1);
  return *timer;
}

const LuaClass& point_class(const WaitableTimer& timer) {
  return timer.kind == ClockKind::System ? kSystemPoint : kSteadyPoint;
}

int set_expiry(lua_State* L, WaitableTimer& timer, Span expiry) {
  timer.expiry = expiry;
  lua_pushinteger(L, timer.cancel());
  return 1;
}

template <const LuaClass& Class>
int l_expires_at(lua_State* L) {
  WaitableTimer& timer = check_timer<Class>(L);
  return set_expiry(L, timer, check_time_point(L, 2, point_class(timer)).since_epoch);
}

int after(lua_State* L, WaitableTimer& timer, double unit) {
  return set_expiry(L, timer, VmClock::of(L).steady_after(check_wait(L, 2, unit)));
}

int l_expires_after(lua_State* L) { return after(L, check_timer<kSteadyTimer>(L), 1); }
int l_expires_after_ms(lua_State* L) { return after(L, check_timer<kMillisecondTimer>(L), 1e-3); }

template <const LuaClass& Class>
int l_wait(lua_State* L) {
  WaitableTimer& timer = check_timer<Class>(L);
  check_may_suspend(L, timer.kind == ClockKind::System ? "system_timer:wait" : "steady_timer:wait");
  check_timer_quota(L);
  return suspend(L, std::make_unique<Wait>(L, timer));
}

template <const LuaClass& Class>
int l_cancel(lua_State* L) {
  lua_pushinteger(L, check_timer<Class>(L).cancel());
  return 1;
}

/// `__index` is called with nothing but our userdata.
int get(lua_State* L, int) {
  const auto& timer = *static_cast<const WaitableTimer*>(lua_touserdata(L, 1));
  push_time_point(L, point_class(timer), timer.expiry);
  return 1;
}
void set(lua_State*, int) {}

constexpr const char* kExpiresAtHelp =
    "Sets the moment. Waits that are under way end with operation_aborted; gives their number.";
constexpr const char* kExpiresAfterHelp =
    "The same, counted from now. EDOM for NaN, infinities and negative numbers; more than ten "
    "years are ten years.";
constexpr const char* kWaitHelp =
    "Waits until the moment has come, or returns at the next turn of the loop if it has (as for a "
    "new timer). Several fibers may wait. `asio_error.basic.operation_aborted` if the timer is "
    "cancelled or set anew meanwhile; the limit `timers`. Interruption point.";
constexpr const char* kCancelHelp =
    "Ends all waits with operation_aborted and gives their number. The moment stays.";

template <const LuaClass& Class>
constexpr LuaFunction kWait{"wait", l_wait<Class>, true, "t:wait()", kWaitHelp};
template <const LuaClass& Class>
constexpr LuaFunction kCancel{"cancel", l_cancel<Class>, false, "t:cancel() -> n", kCancelHelp};

constexpr std::array<LuaFunction, 4> kSteadyMethods{
    {{"expires_at", l_expires_at<kSteadyTimer>, false, "t:expires_at(time_point) -> n",
      kExpiresAtHelp},
     {"expires_after", l_expires_after, false, "t:expires_after(seconds) -> n", kExpiresAfterHelp},
     kWait<kSteadyTimer>,
     kCancel<kSteadyTimer>}};
constexpr std::array<LuaFunction, 3> kSystemMethods{
    {{"expires_at", l_expires_at<kSystemTimer>, false, "t:expires_at(time_point) -> n",
      kExpiresAtHelp},
     kWait<kSystemTimer>,
     kCancel<kSystemTimer>}};
constexpr std::array<LuaFunction, 3> kMillisecondMethods{
    {{"expires_after", l_expires_after_ms, false, "t:expires_after(milliseconds) -> n",
      "Sets the moment, counted from now. Waits that are under way end with operation_aborted; "
      "gives their number. EDOM for NaN, infinities and negative numbers."},
     kWait<kMillisecondTimer>,
     kCancel<kMillisecondTimer>}};
constexpr std::array<LuaProperty, 1> kProperties{
    {{"expiry", 1, "time point: the moment that was set; a new timer's is the clock's epoch"}}};

constexpr std::array<LuaFunction, 1> kFunctions{
    {{"new",
      [](lua_State* L) -> int {
        push_object<WaitableTimer>(L, kMillisecondTimer, ClockKind::Steady);
        return 1;
      },
      false, "steady_timer.new() -> timer", "A timer that has expired."}}};
constexpr std::array kClasses{&kMillisecondTimer};

}  // namespace

const LuaClass kSteadyTimer{.name = "perilune.steady_timer",
                            .shown = "steady_timer",
                            .methods = kSteadyMethods,
                            .readable = kProperties,
                            .writable = {},
                            .index = lua_index<get>,
                            .newindex = lua_newindex<set>,
                            .collect = collect_object<WaitableTimer>,
                            .help = "Waits for a moment of `time.steady_clock`."};
const LuaClass kSystemTimer{
    .name = "perilune.system_timer",
    .shown = "system_timer",
    .methods = kSystemMethods,
    .readable = kProperties,
    .writable = {},
    .index = lua_index<get>,
    .newindex = lua_newindex<set>,
    .collect = collect_object<WaitableTimer>,
    .help =
        "Waits for a moment of `time.system_clock`. If somebody sets that clock back, the wait "
        "takes longer; if it is set forward, the wait ends within five seconds."};
const LuaClass kMillisecondTimer{.name = "perilune.steady_timer.milliseconds",
                                 .shown = "steady-timer",
                                 .methods = kMillisecondMethods,
                                 .readable = {},
                                 .writable = {},
                                 .index = lua_index<get>,
                                 .newindex = lua_newindex<set>,
                                 .collect = collect_object<WaitableTimer>};

const ModuleReference kSteadyTimerReference{
    .name = "steady_timer",
    .summary =
        "Timers in milliseconds, as the first releases of Emilua had them. New programs use "
        "`time.steady_timer`.",
    .functions = kFunctions,
    .classes = kClasses,
};

int new_steady_timer(lua_State* L) {
  push_object<WaitableTimer>(L, kSteadyTimer, ClockKind::Steady);
  return 1;
}

int new_system_timer(lua_State* L) {
  push_object<WaitableTimer>(L, kSystemTimer, ClockKind::System);
  return 1;
}

int open_steady_timer(lua_State* L) {
  lua_createtable(L, 0, 1);
  set_functions(L, kFunctions);
  return 1;
}

}  // namespace perilune::runtime
