#include "runtime/fiber/scheduler.hpp"

#include <lua.hpp>
#include <new>
#include <utility>

#include "runtime/fiber/mutex_state.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {

Scheduler& Scheduler::of(lua_State* L) noexcept { return Vm::Impl::of(L).scheduler; }

/// A record with a coroutine whose stack is empty.
Fiber* Scheduler::make_record(lua_State* L, int arguments) {
  if (Fiber* spare = spares_) {
    if (lua_checkstack(spare->L, arguments + 1) == 0) luaL_error(L, "too many arguments to spawn");
    // As a new coroutine would: a setfenv(0, …) of the last fiber is not for this one.
    lua_pushvalue(L, LUA_GLOBALSINDEX);
    lua_xmove(L, spare->L, 1);
    lua_replace(spare->L, LUA_GLOBALSINDEX);
    spares_ = std::exchange(spare->next_ready, nullptr);
    --spare_count_;
    return spare;
  }
  // What can fail comes first; from the allocation of the record on nothing does.
  lua_State* thread = lua_newthread(L);
  // (An error must not be raised in a coroutine that does not run.)
  if (lua_checkstack(thread, arguments + 1) == 0) luaL_error(L, "too many arguments to spawn");
  const int anchor = free_anchors_.empty() ? anchors_ + 1 : free_anchors_.back();
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm_.threads);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, anchor);
  lua_pop(L, 2);
  void* memory = vm_.heap.reallocate(nullptr, 0, sizeof(Fiber));
  if (memory == nullptr) luaL_error(L, "not enough memory");
  if (free_anchors_.empty()) {
    ++anchors_;
  } else {
    free_anchors_.pop_back();
  }
  auto* fiber = ::new (memory) Fiber;
  fiber->L = thread;
  fiber->scheduler = this;
  fiber->anchor = anchor;
  return fiber;
}

void Scheduler::free_record(Fiber& fiber) noexcept {
  lua_State* L = vm_.state;
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm_.threads);
  lua_pushnil(L);
  lua_rawseti(L, -2, fiber.anchor);
  lua_pop(L, 1);
  free_anchors_.push_back(fiber.anchor);
  fiber.~Fiber();
  vm_.heap.reallocate(&fiber, sizeof(Fiber), 0);
}

void Scheduler::drop_spares() noexcept {
  while (spares_ != nullptr) free_record(*std::exchange(spares_, spares_->next_ready));
  spare_count_ = 0;
}

Fiber& Scheduler::spawn(lua_State* L, int arguments, Invocation* invocation) {
  const std::uint64_t allowed = vm_.config.limits.count(Limit::Fibers);
  if (size_ >= allowed) raise_limit(L, Limit::Fibers, size_, allowed);
  luaL_checkstack(L, 3, "spawn");
  Fiber* fiber = make_record(L, arguments);
  fiber->arguments = arguments;
  fiber->id = ++last_id_;
  lua_xmove(L, fiber->L, arguments + 1);
  fiber->next = all_;
  if (all_ != nullptr) all_->previous = fiber;
  all_ = fiber;
  ++size_;
  join_invocation(*fiber, invocation);
  fiber->state = Fiber::State::Suspended;
  ready(*fiber);
  return *fiber;
}

void Scheduler::ready(Fiber& fiber) noexcept {
  if (fiber.state != Fiber::State::Suspended && fiber.state != Fiber::State::Running) return;
  const bool first = first_ready_ == nullptr;
  fiber.state = Fiber::State::Ready;
  fiber.next_ready = nullptr;
  (first ? first_ready_ : last_ready_->next_ready) = &fiber;
  last_ready_ = &fiber;
  if (first && !vm_.running) vm_.host.wake();
}

void Scheduler::hand_over(Operation& joiner) noexcept {
  // Cancelled before, and so queued already: it stays so.
  if (std::exchange(joiner.completed_, true)) return;
  Fiber& fiber = *joiner.fiber_;
  fiber.state = Fiber::State::Ready;
  fiber.next_ready = first_ready_;
  if (first_ready_ == nullptr) last_ready_ = &fiber;
  first_ready_ = &fiber;
}

void Scheduler::run_one() {
  Fiber& fiber = *first_ready_;
  first_ready_ = fiber.next_ready;
  resume(fiber);
}

void Scheduler::resume(Fiber& fiber) {
  current_ = &fiber;
  fiber.state = Fiber::State::Running;
  vm_.meter.switch_to(fiber.invocation);
  const int period = vm_.period_for(fiber.invocation);
  if (period != vm_.hook_period) vm_.set_hook(period);
  nesting = {};
  arrive(fiber);
  if (std::exchange(fiber.waits_inside, false)) deadlocks.resumed();
  int arguments = std::exchange(fiber.arguments, 0);
  if (fiber.operation != nullptr) {
    push_token(fiber.L, *fiber.operation);
    arguments = 1;
  }
  int status = lua_resume(fiber.L, arguments);
  current_ = nullptr;
  native_yield = false;
  if (status == LUA_YIELD) return;
  if (fiber.cleanup == LUA_NOREF || clean_up(fiber, status)) end(fiber, status);
}

/// The fiber goes on: its coroutines are not busy any more.
void Scheduler::arrive(const Fiber& fiber) noexcept {
  // Per level a dozen instructions of the prelude.
  constexpr std::uint32_t kSpared = 30 * kDeepestCoroutine;
  spared_ = 0;
  for (const lua_State* at = fiber.suspended_in; at != nullptr && at != fiber.L;
       spared_ = kSpared) {
    const auto found = busy.find(const_cast<lua_State*>(at));
    if (found == busy.end()) return;
    at = found->second;
    busy.erase(found);
  }
}

void Scheduler::continued(const lua_State* thread) noexcept {
  if (current_ != nullptr && current_->suspended_in == thread) spared_ = 0;
}

// -- how a fiber ends -----------------------------------------------------------------------------

namespace {

bool is_interruption(lua_State* L) {
  return is_code(L, -1, kCoreCategory, static_cast<int>(CoreError::Interrupted));
}

bool is_deadlock(lua_State* L) {
  return is_code(L, -1, kPeriluneCategory, static_cast<int>(PeriluneError::Deadlock));
}

}  // namespace

bool Scheduler::failed_with(Fiber& fiber, bool (*is)(lua_State* L)) {
  bool found = false;
  static_cast<void>(vm_.protect_here([&](lua_State* L) {
    lua_xmove(fiber.L, L, 1);
    found = is(L);
    lua_xmove(L, fiber.L, 1);
  }));
  return found;
}

void Scheduler::end(Fiber& fiber, int status) {
  fiber.operation.reset();
  MutexState::forget(fiber);
  fiber.failed = status != 0;
  --size_;
  if (fiber.failed && fiber.interrupted)
    fiber.ended_by_interrupt = failed_with(fiber, is_interruption);
  // Nobody is left who could catch it: the budget's error is how the whole invocation ends. In the
  // background only this fiber does, while the others stay below the budget.
  const bool last_word = fiber.handle == nullptr && fiber.joiner == nullptr;
  if (fiber.failed && last_word && fiber.invocation != nullptr) {
    const bool background = fiber.invocation->config_.work == Invocation::Work::Background;
    if (!background && status == LUA_ERRMEM) condemn(*fiber.invocation, Outcome::MemoryLimit);
    if (!background && fiber.invocation->over_cpu_) condemn(*fiber.invocation, Outcome::CpuLimit);
    const bool request = fiber.invocation->config_.work == Invocation::Work::Request;
    if (request && failed_with(fiber, is_deadlock)) condemn(*fiber.invocation, Outcome::Deadlock);
  }
  if (fiber.is_main) finish_main(fiber, status);
  if (fiber.joiner != nullptr) hand_over(*fiber.joiner);
  // Not earlier: a collection meanwhile may find its handle, and would free what is in use here.
  fiber.state = Fiber::State::Done;
  report(fiber, status);
  if (failed_count_ > 0 && failed_fiber_ == fiber.id) forget_failed_coroutines();
  leave_invocation(fiber);
  release(fiber);
  if (vm_.heap.exhausted()) vm_.end_if_full();
}

void Scheduler::report(Fiber& fiber, int status) {
  if (fiber.uncaught != nullptr) end_uncaught_hook(fiber);
  if (const auto on_end = std::exchange(fiber.on_end, nullptr)) {
    if (!fiber.failed) return (*on_end)(nullptr);
    const Panic panic = describe_panic(fiber, status);
    const std::string text = "'" + panic.message + "'\n" + panic.traceback;
    return (*on_end)(&text);
  }
  const bool unheard = fiber.handle == nullptr && fiber.joiner == nullptr;
  if (fiber.failed && unheard && !fiber.is_main) panic(fiber, status);
}

void Scheduler::finish_main(Fiber& fiber, int status) {
  vm_.main_done = true;
  if (!fiber.failed) return keep_handler(fiber);
  const Panic panic = describe_panic(fiber, status);
  vm_.main_error = panic.text();
  if (vm_.config.profile != Profile::Engine) return;
  // Asked to end, it ended.
  if (vm_.closing && fiber.ended_by_interrupt) return;
  log(fiber, panic);
  // A program without its main fiber is over, whatever else it was doing.
  vm_.die(Outcome::ScriptError, {});
}

/// What the entry file of a hosted app returned, if it is something that answers requests.
void Scheduler::keep_handler(Fiber& fiber) {
  if (lua_gettop(fiber.L) == 0) return;
  static_cast<void>(vm_.protect_here([&](lua_State* L) {
    lua_settop(fiber.L, 1);
    lua_xmove(fiber.L, L, 1);
    bool handler = lua_type(L, 1) == LUA_TFUNCTION;
    if (lua_type(L, 1) == LUA_TTABLE) {
      lua_pushliteral(L, "http");
      lua_rawget(L, 1);
      handler = !lua_isnil(L, -1);
      lua_settop(L, 1);
    }
    if (handler) vm_.handler = luaL_ref(L, LUA_REGISTRYINDEX);
  }));
}

void Scheduler::detach(Fiber& fiber) {
  if (fiber.handle != nullptr) fiber.handle->fiber = nullptr;
  fiber.handle = nullptr;
  if (fiber.state == Fiber::State::Done && fiber.joiner == nullptr) {
    report(fiber, lua_status(fiber.L));
    release(fiber);
  }
}

void Scheduler::release(Fiber& fiber) noexcept {
  if (dropping_ || fiber.state != Fiber::State::Done) return;
  if (fiber.handle != nullptr || fiber.joiner != nullptr) return;
  luaL_unref(vm_.state, LUA_REGISTRYINDEX, fiber.locals);
  if (fiber.forbidden_at != nullptr) {
    vm_.heap.reallocate(fiber.forbidden_at, sizeof(ScriptPlace), 0);
  }
  (fiber.previous != nullptr ? fiber.previous->next : all_) = fiber.next;
  if (fiber.next != nullptr) fiber.next->previous = fiber.previous;
  // A coroutine that returned is as good as a new one; one that died of an error is not.
  if (fiber.failed || spare_count_ >= kMostSpares) return free_record(fiber);
  lua_State* thread = fiber.L;
  const int anchor = fiber.anchor;
  lua_settop(thread, 0);
  fiber.~Fiber();
  auto* spare = ::new (static_cast<void*>(&fiber)) Fiber;
  spare->L = thread;
  spare->scheduler = this;
  spare->anchor = anchor;
  spare->next_ready = std::exchange(spares_, spare);
  ++spare_count_;
}

// -- interruption and invocations -----------------------------------------------------------------

bool Scheduler::interruption_due(const Fiber& fiber) const noexcept {
  return fiber.interrupted && fiber.disable_interruption == 0 && fiber.cleaning == 0 &&
         (!fiber.is_main || vm_.closing);
}

void Scheduler::interrupt(Fiber& fiber) noexcept {
  fiber.interrupted = true;
  Operation* operation = fiber.operation.get();
  if (fiber.state == Fiber::State::Suspended && operation != nullptr &&
      operation->interruptible() && interruption_due(fiber)) {
    operation->cancel();
  }
}

void Scheduler::interrupt_all() noexcept {
  for (Fiber* fiber = all_; fiber != nullptr; fiber = fiber->next) interrupt(*fiber);
}

void Scheduler::join_invocation(Fiber& fiber, Invocation* invocation) noexcept {
  if (invocation == nullptr) invocation = vm_.background;
  fiber.invocation = invocation;
  if (invocation == nullptr) return;
  fiber.previous_of_invocation = nullptr;
  fiber.next_of_invocation = invocation->first_fiber_;
  if (fiber.next_of_invocation != nullptr) {
    fiber.next_of_invocation->previous_of_invocation = &fiber;
  } else if (invocation->config_.work == Invocation::Work::Request) {
    ++invocations_;
  }
  invocation->first_fiber_ = &fiber;
  if (++invocation->fibers_ > invocation->most_fibers_) {
    invocation->most_fibers_ = invocation->fibers_;
  }
}

void Scheduler::leave_invocation(Fiber& fiber) {
  if (std::exchange(fiber.ran_out, false)) vm_.suspected_full = true;
  Invocation* invocation = std::exchange(fiber.invocation, nullptr);
  if (invocation == nullptr) return;
  (fiber.previous_of_invocation != nullptr ? fiber.previous_of_invocation->next_of_invocation
                                           : invocation->first_fiber_) = fiber.next_of_invocation;
  if (fiber.next_of_invocation != nullptr) {
    fiber.next_of_invocation->previous_of_invocation = fiber.previous_of_invocation;
  }
  if (--invocation->fibers_ > 0) return;
  if (invocation->config_.work == Invocation::Work::Request) --invocations_;
  vm_.meter.close(*invocation);
  if (!invocation->on_last_fiber) return;
  // It may destroy the invocation, and with it the function.
  const auto on_last_fiber = std::move(invocation->on_last_fiber);
  on_last_fiber(*invocation);
}

void Scheduler::condemn(Invocation& invocation, Outcome verdict) noexcept {
  invocation.condemn(verdict);
  for (Fiber* fiber = invocation.first_fiber_; fiber != nullptr;
       fiber = fiber->next_of_invocation) {
    Operation* operation = fiber->operation.get();
    if (fiber->state == Fiber::State::Suspended && operation != nullptr) operation->cancel();
  }
  if (current_ != nullptr && current_->invocation == &invocation) vm_.set_hook(1);
}

void Scheduler::tell_unjoined() {
  if (vm_.config.profile != Profile::Engine || all_ == nullptr) return;
  // It was left in the middle of a fiber: nothing can run any more.
  if (vm_.preempted || current_ != nullptr) return;
  Fiber* fiber = all_;
  while (fiber->next != nullptr) fiber = fiber->next;
  for (; fiber != nullptr; fiber = fiber->previous) {
    const bool dead = fiber->state == Fiber::State::Done && fiber->failed;
    if (dead && !fiber->is_main && fiber->joiner == nullptr) panic(*fiber, lua_status(fiber->L));
  }
}

void Scheduler::drop_operations() noexcept {
  dropping_ = true;
  tell_unjoined();
  for (Fiber* fiber = all_; fiber != nullptr; fiber = fiber->next) fiber->operation.reset();
}

void Scheduler::free_all() noexcept {
  while (all_ != nullptr) std::exchange(all_, all_->next)->~Fiber();
}

}  // namespace perilune::runtime
