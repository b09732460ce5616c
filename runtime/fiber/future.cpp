#include "runtime/fiber/future.hpp"

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

extern const LuaClass kFuture;
extern const LuaClass kPromise;

class FutureWait;

/// What promise and future share; the future's userdata. Both have the same environment table,
/// which holds the value and keeps the future alive as long as there is a promise.
struct Shared {
  enum class State : std::uint8_t { Pending, Value, Error, Broken };
  static constexpr int kValue = 1;  ///< indices in the environment table
  static constexpr int kSelf = 2;

  explicit Shared(std::uint32_t object_number) noexcept : number{object_number} {}
  WaitQueue waiters;
  const void* promise = nullptr;  ///< its address, for dumps
  std::uint32_t number;
  State state = State::Pending;

  void settle(State how) noexcept;
};

/// Without a `shared` it has been settled, or was never completed itself.
struct Promise {
  Shared* shared = nullptr;
  ~Promise() {
    if (shared != nullptr) shared->settle(Shared::State::Broken);
  }
};

/// Pushes the value or raises the error of the settled future at `index`.
int get_result(lua_State* L, int index, const Shared& shared) {
  if (shared.state == Shared::State::Broken) raise_core(L, CoreError::BrokenPromise);
  luaL_checkstack(L, 2, "future");
  lua_getfenv(L, index);
  lua_rawgeti(L, -1, Shared::kValue);
  if (shared.state == Shared::State::Error) return lua_error(L);
  return 1;
}

class FutureWait final : public Waiter {
 public:
  /// Future at index 1.
  FutureWait(lua_State* L, Shared& shared, const char* name)
      : shared_{&shared}, future_{L, 1}, name_{name} {
    enter(shared.waiters);
  }
  [[nodiscard]] const char* name() const noexcept override { return name_; }
  [[nodiscard]] std::string resource() const override {
    return object_label("future", shared_->number);
  }
  /// Whoever has the promise can end the wait.
  [[nodiscard]] const void* object() const noexcept override { return shared_->promise; }
  int finish(lua_State* L) override {
    const bool settled = shared_->state != Shared::State::Pending;
    if (!internal()) {
      lua_pushboolean(L, static_cast<int>(settled));
      return 1;
    }
    if (!settled) raise_core(L, CoreError::Interrupted);
    luaL_checkstack(L, 1, "future");
    future_.push(L);
    return get_result(L, lua_gettop(L), *shared_);
  }
  void settled() noexcept {
    leave();
    complete();
  }

 private:
  Shared* shared_;
  Anchor future_;
  const char* name_;
};

void Shared::settle(State how) noexcept {
  state = how;
  while (auto* next = waiters.front<FutureWait>()) next->settled();
}

Shared& check_future(lua_State* L) { return check_object<Shared>(L, 1, kFuture); }

int l_get(lua_State* L) {
  constexpr const char* kName = "future:get";
  Shared& shared = check_future(L);
  check_may_suspend(L, kName);
  if (shared.state != Shared::State::Pending) return get_result(L, 1, shared);
  return suspend(L, std::make_unique<FutureWait>(L, shared, kName));
}

int l_wait_for(lua_State* L) {
  constexpr const char* kName = "future:wait_for";
  Shared& shared = check_future(L);
  check_may_suspend(L, kName);
  const auto deadline = deadline_after(L, 2);
  const bool settled = shared.state != Shared::State::Pending;
  if (settled || lua_tonumber(L, 2) == 0) {
    lua_pushboolean(L, static_cast<int>(settled));
    return 1;
  }
  check_timer_quota(L);
  auto wait = std::make_unique<FutureWait>(L, shared, kName);
  wait->until(L, deadline);
  return suspend(L, std::move(wait));
}

/// Promise at index 1, what it is settled with at index 2.
int settle(lua_State* L, Shared::State how) {
  auto& promise = check_object<Promise>(L, 1, kPromise);
  if (promise.shared == nullptr) raise_core(L, CoreError::PromiseAlreadySatisfied);
  lua_settop(L, 2);
  lua_getfenv(L, 1);
  lua_insert(L, 2);
  lua_rawseti(L, 2, Shared::kValue);
  std::exchange(promise.shared, nullptr)->settle(how);
  return 0;
}

int l_set_value(lua_State* L) { return settle(L, Shared::State::Value); }

int l_set_error(lua_State* L) {
  check_object<Promise>(L, 1, kPromise);
  if (lua_isnoneornil(L, 2)) raise_bad_argument(L, 2);
  return settle(L, Shared::State::Error);
}

int l_new(lua_State* L) {
  lua_settop(L, 0);
  lua_createtable(L, 2, 0);
  auto& shared = push_object<Shared>(L, kFuture, next_object_number(L));
  lua_pushvalue(L, 2);
  lua_rawseti(L, 1, Shared::kSelf);
  lua_pushvalue(L, 1);
  lua_setfenv(L, 2);
  auto& promise = push_object<Promise>(L, kPromise);
  lua_pushvalue(L, 1);
  lua_setfenv(L, 3);
  promise.shared = &shared;
  shared.promise = &promise;
  lua_pushvalue(L, 2);
  return 2;
}

int l_tostring(lua_State* L) { return push_object_label(L, "future", check_future(L).number); }

int get(lua_State* L, int) {
  lua_pushboolean(L, static_cast<int>(check_future(L).state != Shared::State::Pending));
  return 1;
}
int get_nothing(lua_State*, int) { return 0; }
void set(lua_State*, int) {}

constexpr std::array<LuaFunction, 1> kFunctions{{
    {"new", l_new, false, "future.new() -> promise, future",
     "Two ends of one value: who has the promise sets it, who has the future gets it."},
}};
constexpr std::array<LuaFunction, 2> kPromiseMethods{{
    {"set_value", l_set_value, false, "p:set_value(v)",
     "Settles the future with `v`, which may be nil. `promise_already_satisfied` if it was settled "
     "before."},
    {"set_error", l_set_error, false, "p:set_error(e)",
     "Settles it with an error: `get` raises `e`. EINVAL if that is nil; "
     "`promise_already_satisfied` if it was settled before."},
}};
constexpr std::array<LuaFunction, 2> kFutureMethods{{
    {"get", l_get, true, "f:get() -> value",
     "Waits until the future is settled, then returns the value or raises the error, each time "
     "again. `broken_promise` if nobody can settle it any more. Interruption point."},
    {"wait_for", l_wait_for, true, "f:wait_for(seconds) -> boolean",
     "Waits for it at most that time; says whether it is settled. 0 does not wait; EDOM for a time "
     "that is negative, infinite or not a number. Interruption point."},
}};
constexpr std::array<LuaProperty, 1> kFutureProperties{
    {{"ready", 0, "boolean: `get` would not wait"}}};
constexpr std::array<luaL_Reg, 1> kFutureMeta{{{"__tostring", l_tostring}}};
const LuaClass kFuture{
    .name = "perilune.future",
    .shown = "future",
    .methods = kFutureMethods,
    .readable = kFutureProperties,
    .writable = {},
    .index = lua_index<get>,
    .newindex = lua_newindex<set>,
    .collect = nullptr,
    .meta = kFutureMeta,
    .help =
        "Any number of fibers may wait for one future.\n\n"
        "**Fairness.** They run in the order in which they began to wait, after the fibers that "
        "are ready already; who settles the promise runs on. A fiber that is interrupted after "
        "the future was settled still gets the value; the interruption waits for its next "
        "point."};
const LuaClass kPromise{
    .name = "perilune.promise",
    .shown = "promise",
    .methods = kPromiseMethods,
    .readable = {},
    .writable = {},
    .index = lua_index<get_nothing>,
    .newindex = lua_newindex<set>,
    .collect = collect_object<Promise>,
    .help =
        "A promise that is collected as garbage before it was settled breaks its future. A "
        "value that was set stays."};
constexpr std::array kClasses{&kPromise, &kFuture};

}  // namespace

const ModuleReference kFutureReference{
    .name = "future",
    .summary =
        "A value that will be known later, for any number of fibers.\n\n"
        "```lua\n"
        "local promise, future = require('future').new()\n"
        "spawn(function() promise:set_value(compute()) end):detach()\n"
        "print(future:get())\n"
        "```",
    .functions = kFunctions,
    .classes = kClasses,
};

int open_future(lua_State* L) {
  lua_createtable(L, 0, 1);
  set_functions(L, kFunctions);
  return 1;
}

}  // namespace perilune::runtime
