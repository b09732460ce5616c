#include "runtime/fiber/scheduler.hpp"

#include <cstdio>
#include <lua.hpp>
#include <new>
#include <utility>

#include "runtime/script/errors.hpp"
#include "runtime/script/traceback.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {

Scheduler& Scheduler::of(lua_State* L) noexcept { return Vm::Impl::of(L).scheduler; }

Fiber& Scheduler::spawn(lua_State* L, int arguments, Invocation* invocation) {
  const std::uint64_t allowed = vm_.config.limits.count(Limit::Fibers);
  if (size_ >= allowed) raise_limit(L, Limit::Fibers, size_, allowed);
  luaL_checkstack(L, 3, "spawn");
  // What can fail comes first; from the allocation of the record on nothing does.
  lua_State* thread = lua_newthread(L);
  luaL_checkstack(thread, arguments + 1, "spawn");
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
  fiber->arguments = arguments;
  fiber->id = ++last_id_;
  lua_xmove(L, thread, arguments + 1);
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
  int arguments = std::exchange(fiber.arguments, 0);
  if (fiber.operation != nullptr) {
    lua_pushlightuserdata(fiber.L, fiber.operation.get());
    arguments = 1;
  }
  const int status = lua_resume(fiber.L, arguments);
  current_ = nullptr;
  native_yield = false;
  if (status != LUA_YIELD) end(fiber, status);
}

// -- how a fiber ends -----------------------------------------------------------------------------

namespace {

bool is_interruption(lua_State* L) {
  return is_code(L, -1, kCoreCategory, static_cast<int>(CoreError::Interrupted));
}

}  // namespace

void Scheduler::end(Fiber& fiber, int status) {
  fiber.state = Fiber::State::Done;
  fiber.operation.reset();
  fiber.failed = status != 0;
  --size_;
  if (fiber.failed && fiber.interrupted) {
    static_cast<void>(vm_.protect_here([&fiber](lua_State* L) {
      lua_xmove(fiber.L, L, 1);
      fiber.ended_by_interrupt = is_interruption(L);
      lua_xmove(L, fiber.L, 1);
    }));
  }
  // Nobody is left who could catch it: the budget's error is how the whole invocation ends. In the
  // background only this fiber does, while the others stay below the budget.
  const bool last_word = fiber.handle == nullptr && fiber.joiner == nullptr;
  if (fiber.failed && last_word && fiber.invocation != nullptr) {
    const bool background = fiber.invocation->config_.work == Invocation::Work::Background;
    if (!background && status == LUA_ERRMEM) condemn(*fiber.invocation, Outcome::MemoryLimit);
    if (!background && fiber.invocation->over_cpu_) condemn(*fiber.invocation, Outcome::CpuLimit);
  }
  if (fiber.is_main) finish_main(fiber, status);
  if (fiber.joiner != nullptr) fiber.joiner->complete();
  report(fiber, status);
  leave_invocation(fiber);
  release(fiber);
  if (vm_.heap.exhausted()) vm_.end_if_full();
}

std::string Scheduler::describe_error(Fiber& fiber, int status) {
  if (status == LUA_ERRMEM) return "'not enough memory'";
  std::string text = "'(error object cannot be described)'";
  static_cast<void>(vm_.protect_here([&](lua_State* L) {
    lua_pushnil(L);  // replaced: the error value stays on the fiber's stack, for a joiner
    luaL_checkstack(fiber.L, 1, "error");
    lua_pushvalue(fiber.L, -1);
    lua_xmove(fiber.L, L, 1);
    const std::string message = error_text(L, -1);
    text = "'" + message + "'";
    int line = line_in_message(fiber.L, message);
    if (line == 0 && vm_.raised_in == fiber.L) line = vm_.raised_line;
    push_traceback(L, fiber.L, nullptr, 0, line);
    text += "\n";
    text += lua_tostring(L, -1);
  }));
  return text;
}

void Scheduler::report(Fiber& fiber, int status) {
  const auto on_end = std::exchange(fiber.on_end, nullptr);
  if (on_end) {
    if (!fiber.failed) return on_end(nullptr);
    const std::string text = describe_error(fiber, status);
    return on_end(&text);
  }
  const bool unheard = fiber.handle == nullptr && fiber.joiner == nullptr;
  if (!fiber.failed || !unheard || fiber.is_main || fiber.ended_by_interrupt) return;
  if (fiber.invocation != nullptr && fiber.invocation->verdict_ != Outcome::Ok) return;
  const std::string text =
      "Fiber " + std::to_string(fiber.id) + " panicked: " + describe_error(fiber, status);
  vm_.host.log({LogSeverity::Error, text, {}, {}, fiber.id, fiber.invocation});
}

void Scheduler::finish_main(Fiber& fiber, int status) {
  vm_.main_done = true;
  if (fiber.failed) {
    std::string who = "Main fiber";
    // Where things lie in a worker's memory is nobody's business.
    if (vm_.config.profile == Profile::Engine) {
      char address[32];
      std::snprintf(address, sizeof address, " from VM %p", static_cast<void*>(&vm_.self));
      who += address;
    }
    vm_.main_error = who + " panicked: " + describe_error(fiber, status);
    return;
  }
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
  lua_State* L = vm_.state;
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm_.threads);
  lua_pushnil(L);
  lua_rawseti(L, -2, fiber.anchor);
  lua_pop(L, 1);
  free_anchors_.push_back(fiber.anchor);
  luaL_unref(L, LUA_REGISTRYINDEX, fiber.locals);
  (fiber.previous != nullptr ? fiber.previous->next : all_) = fiber.next;
  if (fiber.next != nullptr) fiber.next->previous = fiber.previous;
  fiber.~Fiber();
  vm_.heap.reallocate(&fiber, sizeof(Fiber), 0);
}

// -- interruption and invocations -----------------------------------------------------------------

bool Scheduler::interruption_due(const Fiber& fiber) const noexcept {
  return fiber.interrupted && fiber.disable_interruption == 0 && (!fiber.is_main || vm_.closing);
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

void Scheduler::drop_operations() noexcept {
  dropping_ = true;
  for (Fiber* fiber = all_; fiber != nullptr; fiber = fiber->next) fiber->operation.reset();
}

void Scheduler::free_all() noexcept {
  while (all_ != nullptr) std::exchange(all_, all_->next)->~Fiber();
}

}  // namespace perilune::runtime
