#include "runtime/fiber/semaphore.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <lua.hpp>
#include <memory>

#include "runtime/fiber/scheduler.hpp"
#include "runtime/fiber/time_arguments.hpp"
#include "runtime/fiber/wait_queue.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

extern const LuaClass kSemaphore;

struct Permits {
  Permits(std::uint64_t initially, std::uint64_t at_most, std::uint32_t object_number) noexcept
      : value{initially}, maximum{at_most}, number{object_number} {}
  WaitQueue waiters;
  std::uint64_t value;
  std::uint64_t maximum;
  std::uint32_t number;

  /// Takes `count` if they are there and nobody has waited before.
  [[nodiscard]] bool take(std::uint64_t count) noexcept {
    if (!waiters.empty() || value < count) return false;
    value -= count;
    return true;
  }
  /// Gives to the oldest waiter what it asked for, and to the next ones, while there is enough.
  void serve() noexcept;
};

class AcquireWait final : public Waiter {
 public:
  AcquireWait(Permits& permits, std::uint64_t count, const char* name) noexcept
      : permits_{&permits}, count_{count}, name_{name} {
    enter(permits.waiters);
  }
  ~AcquireWait() override {
    if (!granted_ || dropping()) return;
    // Its fiber died before it could use them.
    permits_->value = std::min(permits_->value + count_, permits_->maximum);
    permits_->serve();
  }
  AcquireWait(const AcquireWait&) = delete;
  AcquireWait& operator=(const AcquireWait&) = delete;

  [[nodiscard]] const char* name() const noexcept override { return name_; }
  [[nodiscard]] std::string resource() const override {
    return object_label("semaphore", permits_->number) + ", value " +
           std::to_string(permits_->value) + ", wanted " + std::to_string(count_);
  }
  [[nodiscard]] const void* object() const noexcept override { return permits_; }
  void cancel() noexcept override {
    Waiter::cancel();
    // Those behind it may want less.
    permits_->serve();
  }
  int finish(lua_State* L) override {
    granted_ = false;
    if (internal()) return 0;
    lua_pushboolean(L, static_cast<int>(!timed_out()));
    return 1;
  }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  void grant() noexcept {
    leave();
    granted_ = true;
    complete();
  }

 private:
  void time_out() noexcept override {
    Waiter::time_out();
    permits_->serve();
  }

  Permits* permits_;
  std::uint64_t count_;
  const char* name_;
  bool granted_ = false;
};

void Permits::serve() noexcept {
  for (;;) {
    auto* next = waiters.front<AcquireWait>();
    if (next == nullptr || value < next->count()) return;
    value -= next->count();
    next->grant();
  }
}

Permits& check_semaphore(lua_State* L) { return check_object<Permits>(L, 1, kSemaphore); }

/// How many are asked for: 1 unless given; more than there can ever be are refused.
std::uint64_t check_wanted(lua_State* L, int index, const Permits& permits) {
  return lua_isnoneornil(L, index) ? 1 : check_count(L, index, 1, permits.maximum);
}

int l_acquire(lua_State* L) {
  constexpr const char* kName = "semaphore:acquire";
  Permits& permits = check_semaphore(L);
  check_may_suspend(L, kName);
  const std::uint64_t count = check_wanted(L, 2, permits);
  if (permits.take(count)) return 0;
  return suspend(L, std::make_unique<AcquireWait>(permits, count, kName));
}

int l_try_acquire(lua_State* L) {
  Permits& permits = check_semaphore(L);
  lua_pushboolean(L, static_cast<int>(permits.take(check_wanted(L, 2, permits))));
  return 1;
}

int l_try_acquire_for(lua_State* L) {
  constexpr const char* kName = "semaphore:try_acquire_for";
  Permits& permits = check_semaphore(L);
  check_may_suspend(L, kName);
  const auto deadline = deadline_after(L, 2);
  const std::uint64_t count = check_wanted(L, 3, permits);
  const bool taken = permits.take(count);
  if (taken || lua_tonumber(L, 2) == 0) {
    lua_pushboolean(L, static_cast<int>(taken));
    return 1;
  }
  check_timer_quota(L);
  auto wait = std::make_unique<AcquireWait>(permits, count, kName);
  wait->until(L, deadline);
  return suspend(L, std::move(wait));
}

int l_release(lua_State* L) {
  Permits& permits = check_semaphore(L);
  const std::uint64_t count = lua_isnoneornil(L, 2) ? 1 : check_count(L, 2, 1, kMaxCount);
  if (count > permits.maximum - permits.value) raise_errno(L, EOVERFLOW);
  permits.value += count;
  permits.serve();
  return 0;
}

int l_new(lua_State* L) {
  const std::uint64_t maximum = lua_isnoneornil(L, 2) ? kMaxCount : check_count(L, 2, 1, kMaxCount);
  const std::uint64_t count = check_count(L, 1, 0, maximum);
  push_object<Permits>(L, kSemaphore, count, maximum, next_object_number(L));
  return 1;
}

int l_tostring(lua_State* L) {
  return push_object_label(L, "semaphore", check_semaphore(L).number);
}

enum Property : int { kValue, kMaximum };

int get(lua_State* L, int id) {
  const Permits& permits = check_semaphore(L);
  lua_pushnumber(L, static_cast<lua_Number>(id == kValue ? permits.value : permits.maximum));
  return 1;
}
void set(lua_State*, int) {}

constexpr std::array<LuaFunction, 1> kFunctions{{
    {"new", l_new, false, "semaphore.new(count [, max]) -> semaphore",
     "One with `count` permits, and never more than `max` (2^53 unless given). EINVAL if they are "
     "not whole numbers, or `count` is not between 0 and `max`."},
}};
constexpr std::array<LuaFunction, 4> kMethods{{
    {"acquire", l_acquire, true, "s:acquire([n])",
     "Takes `n` permits (1 unless given) at once; waits until they are there. EINVAL if `n` is not "
     "a whole number from 1 to `max`. Interruption point."},
    {"try_acquire", l_try_acquire, false, "s:try_acquire([n]) -> boolean",
     "Takes them if they are there and no fiber waits; says whether it did."},
    {"try_acquire_for", l_try_acquire_for, true, "s:try_acquire_for(seconds [, n]) -> boolean",
     "Like `acquire`, but gives up after that time and returns false. 0 is `try_acquire`; EDOM for "
     "a time that is negative, infinite or not a number. Interruption point."},
    {"release", l_release, false, "s:release([n])",
     "Gives `n` permits (1 unless given) back, and on to fibers that wait. Any fiber may. "
     "EOVERFLOW, with nothing changed, if there were more than `max` then."},
}};
constexpr std::array<LuaProperty, 2> kProperties{
    {{"value", kValue, "number: the permits that are there"},
     {"max", kMaximum, "number: how many there can be"}}};
constexpr std::array<luaL_Reg, 1> kMeta{{{"__tostring", l_tostring}}};
const LuaClass kSemaphore{
    .name = "perilune.semaphore",
    .shown = "semaphore",
    .methods = kMethods,
    .readable = kProperties,
    .writable = {},
    .index = lua_index<get>,
    .newindex = lua_newindex<set>,
    .collect = nullptr,
    .meta = kMeta,
    .help =
        "**Fairness.** Fibers get permits in the order in which they asked. Nobody overtakes: "
        "while "
        "one waits for many, those who come later wait behind it, even if there would be enough "
        "for "
        "them. Permits that were handed to a fiber which a limit ended before it ran go back, and "
        "to the next one."};
constexpr std::array kClasses{&kSemaphore};

}  // namespace

const ModuleReference kSemaphoreReference{
    .name = "semaphore",
    .summary =
        "A number of permits: at most so many fibers at once.\n\n"
        "```lua\n"
        "local slots = require('semaphore').new(4)\n"
        "slots:acquire()\n"
        "local ok, e = pcall(fetch, url)\n"
        "slots:release()\n"
        "```",
    .functions = kFunctions,
    .classes = kClasses,
};

int open_semaphore(lua_State* L) {
  lua_createtable(L, 0, 1);
  set_functions(L, kFunctions);
  return 1;
}

}  // namespace perilune::runtime
