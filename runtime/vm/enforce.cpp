// What happens in the hook: garbage collection under pressure, CPU budgets, the end of a slice.

#include <algorithm>
#include <lua.hpp>
#include <string>
#include <utility>

#include "runtime/script/errors.hpp"
#include "runtime/script/traceback.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

class Collection {
 public:
  explicit Collection(Heap& heap) noexcept : heap_{heap} { heap_.begin_collection(); }
  ~Collection() { heap_.end_collection(); }
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;

 private:
  Heap& heap_;
};

}  // namespace

Vm::Impl& Vm::Impl::of(lua_State* L) noexcept {
  void* impl = nullptr;
  lua_getallocf(L, &impl);
  return *static_cast<Impl*>(impl);
}

void Vm::Impl::on_pressure(void* impl) noexcept { static_cast<Impl*>(impl)->set_hook(1); }

void Vm::Impl::set_hook(int every) noexcept {
  hook_period = every;
  preemption.hook_every(heap.wants_collection() ? 1 : every);
}

int Vm::Impl::period_for(const Invocation* invocation) const noexcept {
  if (invocation == nullptr) return 0;
  if (invocation->verdict_ != Outcome::Ok) {
    const Fiber* fiber = scheduler.current();
    return fiber != nullptr && fiber->invocation == invocation && fiber->cleaning > 0 ? kPoll : 1;
  }
  return invocation->watched_ ? kPoll : 0;
}

void Vm::Impl::on_hook(lua_State* L) {
  raised_by_hook = false;
  if (heap.wants_collection()) collect(L);
  bool slice_over = preemption.tick.exchange(false, std::memory_order_relaxed);
  if (scheduler.current() == nullptr) return set_hook(0);
  for (;;) {
    const Invocation* invocation = scheduler.current()->invocation;
    // Once condemned, the hook comes at every instruction: the clock is read on ticks only.
    // (In a cleanup handler it does not.)
    if (invocation != nullptr &&
        (slice_over || invocation->verdict_ == Outcome::Ok || scheduler.current()->cleaning > 0)) {
      meter.settle();
    }
    switch (judge()) {
      case Action::Continue: break;
      case Action::Raise:
        if (scheduler.spares()) break;
        raised_by_hook = true;
        // Resumed, but its result was not taken yet: nobody will, and it must not outlive what it
        // refers to on the stack.
        scheduler.current()->operation.reset();
        set_hook(1);
        note_line(L);
        raise_verdict(L);
      case Action::Die: die(Outcome::CpuLimit, "CPU used beyond cpu_ms and cpu_hard_ms");
    }
    set_hook(period_for(invocation));
    if (!slice_over) return;
    slice_over = false;
    preempt(L);
  }
}

std::chrono::nanoseconds Vm::Impl::cpu_left(const Invocation& invocation) noexcept {
  const std::chrono::nanoseconds own = invocation.config_.cpu_soft - invocation.cpu_;
  const Invocation* account = invocation.account_;
  return account == nullptr
             ? own
             : std::min<std::chrono::nanoseconds>(own, account->config_.cpu_soft - account->cpu_);
}

Vm::Impl::Action Vm::Impl::judge() noexcept {
  Invocation* invocation = scheduler.current()->invocation;
  if (invocation == nullptr) return Action::Continue;
  const auto soft = invocation->config_.cpu_soft;
  if (soft.count() > 0) {
    const auto hard = invocation->config_.cpu_hard;
    if (hard.count() > 0 && invocation->cpu_ > soft + hard) return Action::Die;
    const auto slice = config.limits.duration(Limit::Slice);
    const auto left = cpu_left(*invocation);
    invocation->watched_ = invocation->over_cpu_ || left <= slice + slice / 2;
    if (invocation->verdict_ == Outcome::Ok && left.count() <= 0) {
      if (!invocation->over_cpu_) {
        invocation->over_cpu_ = true;
        ++invocation->overruns_;
        invocation->grace_end_ = invocation->cpu_ + kGrace;
        return Action::Raise;
      }
      if (invocation->cpu_ >= invocation->grace_end_) {
        scheduler.condemn(*invocation, Outcome::CpuLimit);
      }
    }
  }
  const bool go_on =
      invocation->verdict_ == Outcome::Ok || scheduler.in_grace(*scheduler.current());
  return go_on ? Action::Continue : Action::Raise;
}

bool Vm::Impl::must_stop() {
  if (scheduler.current() == nullptr) return false;
  if (preemption.tick.exchange(false, std::memory_order_relaxed)) {
    meter.settle();
    switch (judge()) {
      case Action::Continue: break;
      case Action::Raise: return true;
      case Action::Die: die(Outcome::CpuLimit, "CPU used beyond cpu_ms and cpu_hard_ms");
    }
    preempt();
  }
  const Fiber& fiber = *scheduler.current();
  const bool condemned = fiber.invocation != nullptr && fiber.invocation->verdict_ != Outcome::Ok;
  return condemned ? !scheduler.in_grace(fiber) : closing && fiber.cleaning == 0;
}

/// For the traceback: once the error is on its way the stack no longer knows.
void Vm::Impl::note_line(lua_State* L) noexcept {
  lua_Debug frame{};
  raised_in = L;
  raised_line = 0;
  if (lua_getstack(L, 0, &frame) != 0 && lua_getinfo(L, "l", &frame) != 0)
    raised_line = frame.currentline;
}

/// "init.lua:2: cpu_limit: 200 ms of CPU used, limit 200 ms", as an error code.
void Vm::Impl::raise_cpu_limit(lua_State* L, const Invocation& invocation) {
  // What a request left behind may end by the background's budget.
  const bool shared =
      invocation.account_ != nullptr && invocation.cpu_ < invocation.config_.cpu_soft;
  const Invocation& over = shared ? *invocation.account_ : invocation;
  const bool outside = over.config_.work == Invocation::Work::Background;
  const auto milliseconds = [](auto time) {
    return static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count() &
                            0x7fffffff);
  };
  push_position(L, 0);
  const char* position = lua_tostring(L, -1);
  const char* text =
      lua_pushfstring(L, "%s%scpu_limit: %d ms of CPU used%s, limit %d ms", position,
                      *position == 0 ? "" : ": ", milliseconds(over.cpu_),
                      outside ? " in the background" : "", milliseconds(over.config_.cpu_soft));
  raise_code(L, kPeriluneCategory, static_cast<int>(Outcome::CpuLimit), text);
}

void Vm::Impl::raise_verdict(lua_State* L) {
  const Fiber* fiber = scheduler.current();
  const Invocation* invocation = fiber == nullptr ? nullptr : fiber->invocation;
  if (invocation != nullptr && invocation->verdict_ != Outcome::Ok) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, verdicts[static_cast<std::size_t>(invocation->verdict_)]);
    lua_error(L);
  } else if (invocation != nullptr && invocation->over_cpu_) {
    raise_cpu_limit(L, *invocation);
  }
  raise_core(L, CoreError::Interrupted);
}

void Vm::Impl::collect(lua_State* L) {
  const Collection collection{heap};
  scheduler.drop_spares();
  lua_gc(L, LUA_GCCOLLECT, 0);
}

void Vm::Impl::end_if_full() {
  suspected_full = false;
  static_cast<void>(protect_here([this](lua_State* L) { collect(L); }));
  if (heap.used() <= heap.limit() / 10 * 9) return;
  die(Outcome::MemoryLimit, "memory: full after an out-of-memory error and a collection (" +
                                std::to_string(heap.used()) + " bytes in use, limit " +
                                std::to_string(heap.limit()) + ")");
}

void Vm::Impl::die(Outcome outcome, std::string message) {
  death = outcome;
  death_message = std::move(message);
  result = RunState::Dead;
  // Nobody enters a dead VM's stack again.
  if (scheduler.current() == nullptr) return;
  left_for_good = true;
  leave();
}

}  // namespace perilune::runtime
