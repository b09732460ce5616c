#include "runtime/fiber/condition_variable.hpp"

#include <array>
#include <cerrno>
#include <lua.hpp>
#include <memory>

#include "runtime/fiber/mutex.hpp"
#include "runtime/fiber/mutex_state.hpp"
#include "runtime/fiber/recursive_mutex.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/fiber/time_arguments.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

extern const LuaClass kCondition;

struct Condition {
  explicit Condition(std::uint32_t object_number) noexcept : number{object_number} {}
  WaitQueue waiters;
  std::uint32_t number;

  void notify_one() noexcept;
  void notify_all() noexcept;
};

/// First waits to be notified, then for the mutex. It never wakes up for nothing: whoever ends the
/// first wait moves it into the mutex's queue, or gives it the mutex if that is free.
class ConditionWait final : public MutexWaiter {
 public:
  ConditionWait(Condition& condition, MutexState& mutex, const char* name) noexcept
      : MutexWaiter{mutex}, condition_{&condition}, name_{name} {
    enter(condition.waiters);
  }
  ~ConditionWait() override {
    // The one notification was for a fiber that died before it could see it.
    if (state_ == State::NotifiedAlone && !dropping()) condition_->notify_one();
  }
  ConditionWait(const ConditionWait&) = delete;
  ConditionWait& operator=(const ConditionWait&) = delete;

  [[nodiscard]] const char* name() const noexcept override { return name_; }
  [[nodiscard]] std::string resource() const override {
    std::string text = object_label("condition_variable", condition_->number);
    if (state_ == State::Waiting) return text;
    return MutexWaiter::resource() + ", after waiting for " + text;
  }
  /// Only time can end it, and only as long as it waits to be notified.
  [[nodiscard]] bool internal() const noexcept override {
    return state_ != State::Waiting || MutexWaiter::internal();
  }
  [[nodiscard]] const Fiber* holder() const noexcept override {
    return state_ == State::Waiting ? nullptr : MutexWaiter::holder();
  }
  [[nodiscard]] const void* object() const noexcept override {
    return state_ == State::Waiting ? condition_ : MutexWaiter::object();
  }
  [[nodiscard]] bool interruptible() const noexcept override { return state_ == State::Waiting; }

  void cancel() noexcept override {
    // In the queue of the mutex only a verdict or the deadlock detector takes it out.
    if (state_ == State::Waiting && !condemned()) {
      leave_for_mutex(State::Cancelled);
    } else {
      MutexWaiter::cancel();
    }
  }
  void notify(bool alone) noexcept {
    leave_for_mutex(alone ? State::NotifiedAlone : State::Notified);
  }

  int finish(lua_State* L) override {
    keep();
    const State state = std::exchange(state_, State::Done);
    if (state == State::Cancelled) Scheduler::of(L).check_interruption(L);
    if (MutexWaiter::internal()) return 0;
    lua_pushboolean(L, static_cast<int>(state != State::TimedOut));
    return 1;
  }

 private:
  enum class State : std::uint8_t { Waiting, Notified, NotifiedAlone, TimedOut, Cancelled, Done };

  void time_out() noexcept override {
    if (state_ == State::Waiting) leave_for_mutex(State::TimedOut);
  }
  void leave_for_mutex(State state) noexcept {
    leave();
    state_ = state;
    acquire();
  }

  Condition* condition_;
  const char* name_;
  State state_ = State::Waiting;
};

void Condition::notify_one() noexcept {
  if (auto* next = waiters.front<ConditionWait>()) next->notify(true);
}

void Condition::notify_all() noexcept {
  while (auto* next = waiters.front<ConditionWait>()) next->notify(false);
}

Condition& check_condition(lua_State* L) { return check_object<Condition>(L, 1, kCondition); }

/// The mutex at index 2: locked, and if it is recursive, once and by this fiber.
MutexState& check_locked(lua_State* L) {
  MutexState* mutex = test_mutex(L, 2);
  if (mutex == nullptr) mutex = test_recursive_mutex(L, 2);
  if (mutex == nullptr) luaL_typerror(L, 2, "mutex");
  const bool mine =
      !mutex->recursive() || (mutex->owner() == Scheduler::of(L).current() && mutex->level() == 1);
  if (!mutex->locked() || !mine) raise_errno(L, EPERM);
  return *mutex;
}

int wait(lua_State* L, std::unique_ptr<ConditionWait> operation, MutexState& mutex) {
  // If it cannot suspend it raises, and the mutex is still locked.
  const int yielded = suspend(L, std::move(operation));
  mutex.release();
  return yielded;
}

int l_wait(lua_State* L) {
  Condition& condition = check_condition(L);
  check_may_suspend(L, "condition_variable:wait");
  MutexState& mutex = check_locked(L);
  return wait(L, std::make_unique<ConditionWait>(condition, mutex, "condition_variable:wait"),
              mutex);
}

int l_wait_for(lua_State* L) {
  constexpr const char* kName = "condition_variable:wait_for";
  Condition& condition = check_condition(L);
  check_may_suspend(L, kName);
  MutexState& mutex = check_locked(L);
  const auto deadline = deadline_after(L, 3);
  check_timer_quota(L);
  auto operation = std::make_unique<ConditionWait>(condition, mutex, kName);
  operation->until(L, deadline);
  return wait(L, std::move(operation), mutex);
}

int l_notify_one(lua_State* L) {
  check_condition(L).notify_one();
  return 0;
}

int l_notify_all(lua_State* L) {
  check_condition(L).notify_all();
  return 0;
}

int l_new(lua_State* L) {
  push_object<Condition>(L, kCondition, next_object_number(L));
  return 1;
}

int l_tostring(lua_State* L) {
  return push_object_label(L, "condition_variable", check_condition(L).number);
}

int get(lua_State*, int) { return 0; }
void set(lua_State*, int) {}

constexpr std::array<LuaFunction, 4> kMethods{{
    {"wait", l_wait, true, "c:wait(m)",
     "Unlocks `m` (a `mutex` or `recursive_mutex`), waits to be notified and locks `m` again. "
     "Interruption point; `m` is locked again before `interrupted` is raised. EPERM if `m` is not "
     "locked, or is a `recursive_mutex` that the fiber has not locked exactly once."},
    {"wait_for", l_wait_for, true, "c:wait_for(m, seconds) -> boolean",
     "Like `wait`, but at most for that time; says whether it was notified. Locking `m` again may "
     "take longer. With 0 it gives the others one chance at `m`. EDOM for a time that is negative, "
     "infinite or not a number."},
    {"notify_one", l_notify_one, false, "c:notify_one()",
     "Wakes the fiber that has waited longest, if one waits. `m` need not be locked."},
    {"notify_all", l_notify_all, false, "c:notify_all()", "Wakes all fibers that wait."},
}};
constexpr std::array<LuaFunction, 1> kFunctions{{
    {"new", l_new, false, "condition_variable.new() -> condition_variable",
     "One for which nobody waits."},
}};
constexpr std::array<luaL_Reg, 1> kMeta{{{"__tostring", l_tostring}}};
const LuaClass kCondition{
    .name = "perilune.condition_variable",
    .shown = "condition_variable",
    .methods = kMethods,
    .readable = {},
    .writable = {},
    .index = lua_index<get>,
    .newindex = lua_newindex<set>,
    .collect = nullptr,
    .meta = kMeta,
    .help =
        "**Fairness.** Fibers are notified in the order in which they began to wait. A notified "
        "fiber takes its place in the queue of `m` at once: if `m` is free it is locked for that "
        "fiber, which runs after those that are ready already; if `m` is locked the fiber runs "
        "when "
        "its turn has come. The caller of `notify_one` and `notify_all` runs on. A wait never ends "
        "without a notification, but the condition may have changed again before `m` was locked: "
        "wait in a loop. Of a notification, an interruption and the end of the time the first one "
        "counts. If the fiber that `notify_one` chose is ended by a limit before it ran, the next "
        "one is notified."};
constexpr std::array kClasses{&kCondition};

}  // namespace

const ModuleReference kConditionVariableReference{
    .name = "condition_variable",
    .summary =
        "Waiting until something has become true.\n\n"
        "```lua\n"
        "m:lock()\n"
        "while #list == 0 do changed:wait(m) end\n"
        "local first = table.remove(list, 1)\n"
        "m:unlock()\n"
        "```",
    .functions = kFunctions,
    .classes = kClasses,
};

int open_condition_variable(lua_State* L) {
  lua_createtable(L, 0, 1);
  set_functions(L, kFunctions);
  return 1;
}

}  // namespace perilune::runtime
