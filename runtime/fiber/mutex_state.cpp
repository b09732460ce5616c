#include "runtime/fiber/mutex_state.hpp"

#include <cstdio>
#include <lua.hpp>
#include <memory>

#include "runtime/fiber/scheduler.hpp"
#include "runtime/fiber/time_arguments.hpp"

namespace perilune::runtime {

void MutexState::own(Fiber& fiber) noexcept {
  owner_ = &fiber;
  owner_id_ = fiber.id;
  level_ = 1;
  previous_held_ = nullptr;
  next_held_ = fiber.held;
  if (next_held_ != nullptr) next_held_->previous_held_ = this;
  fiber.held = this;
}

void MutexState::disown() noexcept {
  if (owner_ == nullptr) return;
  (previous_held_ != nullptr ? previous_held_->next_held_ : owner_->held) = next_held_;
  if (next_held_ != nullptr) next_held_->previous_held_ = previous_held_;
  owner_ = nullptr;
}

bool MutexState::take(Fiber& fiber) noexcept {
  if (locked_) {
    if (!recursive_ || owner_ != &fiber || level_ == UINT32_MAX) return false;
    ++level_;
    return true;
  }
  locked_ = true;
  own(fiber);
  return true;
}

void MutexState::release() noexcept {
  if (--level_ == 0) hand_over();
}

void MutexState::hand_over() noexcept {
  disown();
  if (auto* next = waiters_.front<MutexWaiter>()) {
    next->grant();
  } else {
    locked_ = false;
    level_ = 0;
  }
}

void MutexState::forget(Fiber& fiber) noexcept {
  while (fiber.held != nullptr) fiber.held->disown();
}

std::string MutexState::describe() const {
  std::string text = object_label(kind_, number_);
  if (!locked_) return text;
  text += ", locked by " + object_label("fiber", owner_id_);
  if (owner_ == nullptr) text += ", which has ended";
  return text;
}

MutexWaiter::~MutexWaiter() {
  leave();
  // Its fiber was handed the mutex but died before it ran. (What the deadlock detector woke goes on
  // with an error, and a condition variable's wait ends with the mutex locked in any case.)
  if (!granted_ || dropping()) return;
  if (!was_deadlocked() || condemned()) mutex_->hand_over();
}

void MutexWaiter::grant() noexcept {
  leave();
  granted_ = true;
  mutex_->locked_ = true;
  mutex_->own(*fiber());
  complete();
}

void MutexWaiter::acquire() noexcept {
  if (mutex_->locked_) {
    queue_for_mutex();
  } else {
    grant();
  }
}

namespace {

/// Not an interruption point: programs lock in order to clean up. Only a verdict or its own time
/// limit takes a fiber out of it.
class LockWait final : public MutexWaiter {
 public:
  LockWait(MutexState& mutex, const char* name) noexcept : MutexWaiter{mutex}, name_{name} {
    queue_for_mutex();
  }
  [[nodiscard]] const char* name() const noexcept override { return name_; }
  [[nodiscard]] bool interruptible() const noexcept override { return false; }
  int finish(lua_State* L) override {
    keep();
    if (internal()) return 0;
    lua_pushboolean(L, static_cast<int>(!timed_out()));
    return 1;
  }

 private:
  const char* name_;
};

}  // namespace

int lock_mutex(lua_State* L, MutexState& mutex, const char* name) {
  Scheduler& scheduler = Scheduler::of(L);
  scheduler.check_may_suspend(L, name, false);
  if (mutex.take(*scheduler.current())) return 0;
  return suspend(L, std::make_unique<LockWait>(mutex, name));
}

int try_lock_mutex(lua_State* L, MutexState& mutex) {
  Fiber* fiber = Scheduler::of(L).current();
  if (fiber == nullptr) return luaL_error(L, "not in a fiber");
  lua_pushboolean(L, static_cast<int>(mutex.take(*fiber)));
  return 1;
}

int try_lock_mutex_for(lua_State* L, MutexState& mutex, const char* name) {
  Scheduler& scheduler = Scheduler::of(L);
  scheduler.check_may_suspend(L, name, false);
  const auto deadline = deadline_after(L, 2);
  const bool taken = mutex.take(*scheduler.current());
  if (taken || lua_tonumber(L, 2) == 0) {
    lua_pushboolean(L, static_cast<int>(taken));
    return 1;
  }
  check_timer_quota(L);
  auto wait = std::make_unique<LockWait>(mutex, name);
  wait->until(L, deadline);
  return suspend(L, std::move(wait));
}

}  // namespace perilune::runtime
