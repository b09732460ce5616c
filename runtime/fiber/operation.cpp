#include "runtime/vm/operation.hpp"

#include <ctime>
#include <lua.hpp>

#include "runtime/fiber/cannot_suspend.hpp"
#include "runtime/fiber/constraint.hpp"
#include "runtime/fiber/library.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

/// The steady clock, a few milliseconds late, at a quarter of the price: for dumps.
std::chrono::steady_clock::time_point coarse_now() noexcept {
  timespec now{};
  (void)::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return std::chrono::steady_clock::time_point{std::chrono::seconds{now.tv_sec} +
                                               std::chrono::nanoseconds{now.tv_nsec}};
}

}  // namespace

Operation::~Operation() {
  if (fiber_ != nullptr) fiber_->scheduler->vm().heap.uncharge(kCharge);
}

void Operation::complete() noexcept {
  if (completed_) return;
  completed_ = true;
  if (fiber_ != nullptr) fiber_->scheduler->ready(*fiber_);
}

void Operation::complete_cancelled() noexcept {
  if (completed_) return;
  cancelled_ = true;
  complete();
}

void Operation::end_deadlock(std::unique_ptr<DeadlockReport> report) noexcept {
  deadlock_ = std::move(report);
  cancel();
}

int suspend(lua_State* L, std::unique_ptr<Operation> operation) {
  return Scheduler::of(L).suspend(L, std::move(operation));
}

void check_may_suspend(lua_State* L, const char* operation, bool interruption_point) {
  Scheduler::of(L).check_may_suspend(L, operation, interruption_point);
}

void Scheduler::check_interruption(lua_State* L) {
  if (current_ == nullptr) return;
  if (current_->invocation != nullptr && current_->invocation->verdict_ != Outcome::Ok &&
      !in_grace(*current_)) {
    vm_.raise_verdict(L);
  }
  if (interruption_due(*current_)) raise_core(L, CoreError::Interrupted);
}

void Scheduler::check_may_suspend(lua_State* L, const char* operation, bool interruption_point) {
  if (current_ == nullptr) raise_cannot_suspend(L, operation, "no fiber is running");
  if (current_->forbid_suspend > 0) raise_suspension_forbidden(L, *current_, operation);
  if (interruption_point || current_->invocation != nullptr) {
    if (interruption_point || current_->invocation->verdict_ != Outcome::Ok) check_interruption(L);
  }
  if (lua_isyieldable(L) == 0) raise_cannot_wait(L, L, operation);
  if (nesting.blocked != nullptr) raise_cannot_wait(L, nesting.blocked, operation);
}

/// A cleanup handler of a condemned invocation may run for a moment, but nobody waits for it.
void Scheduler::check_may_wait(lua_State* L) {
  const Invocation* invocation = current_->invocation;
  if (invocation != nullptr && invocation->verdict_ != Outcome::Ok) vm_.raise_verdict(L);
}

int Scheduler::suspend(lua_State* L, std::unique_ptr<Operation> operation) {
  check_may_suspend(L, operation->name(), operation->interruptible());
  if (operation->completed_) return operation->finish(L);
  check_may_wait(L);
  if (!vm_.heap.charge(Operation::kCharge)) luaL_error(L, "not enough memory");
  Fiber& fiber = *current_;
  operation->fiber_ = &fiber;
  operation->since_ = coarse_now();
  last_token_ = last_token_ % kMostTokens + 1;
  operation->token_ = last_token_;
  fiber.operation = std::move(operation);
  fiber.suspended_in = L;
  fiber.state = Fiber::State::Suspended;
  if (fiber.operation->internal()) deadlocks.suspended(fiber);
  native_yield = true;
  return lua_yield(L, 0);
}

int Scheduler::yield(lua_State* L) {
  check_may_suspend(L, "this_fiber.yield", true);
  check_may_wait(L);
  current_->suspended_in = L;
  ready(*current_);
  native_yield = true;
  return lua_yield(L, 0);
}

// A number, not the operation's address: LuaJIT allocates for a pointer into a part of the address
// space that it has not seen, and nobody could catch that failure here.
void Scheduler::push_token(lua_State* L, const Operation& operation) noexcept {
  lua_pushlightuserdata(L, reinterpret_cast<void*>(operation.token_));
}

int Scheduler::finish(lua_State* L) {
  if (lua_gettop(L) != 1 || !lua_islightuserdata(L, 1)) return lua_gettop(L);
  // The token of a suspension. A stale one (an error was raised before its result was taken) finds
  // another operation or none.
  const auto token = reinterpret_cast<std::uintptr_t>(lua_touserdata(L, 1));
  lua_settop(L, 0);
  if (current_ == nullptr || current_->operation == nullptr || current_->operation->token_ != token)
    return 0;
  const std::unique_ptr<Operation> operation = std::move(current_->operation);
  if (current_->invocation != nullptr && current_->invocation->verdict_ != Outcome::Ok) {
    vm_.raise_verdict(L);
  }
  if (operation->was_deadlocked()) raise_deadlock(L, *operation);
  if (operation->was_cancelled() && interruption_due(*current_)) {
    raise_core(L, CoreError::Interrupted);
  }
  return operation->finish(L);
}

void push_suspending(lua_State* L, int (*f)(lua_State*), int upvalues) {
  lua_pushcclosure(L, f, upvalues);
  lua_getfield(L, LUA_REGISTRYINDEX, kSuspendingWrapper);
  lua_insert(L, -2);
  lua_call(L, 1, 1);
}

}  // namespace perilune::runtime
