// What a VM does on its C stack: entering it and leaving it.

#include <utility>

#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {

Vm::Impl::Impl(Vm& vm, const VmConfig& vm_config, VmHost& vm_host,
               std::span<const NativeModule> native_modules)
    : self{vm},
      config{vm_config},
      host{vm_host},
      modules{native_modules.begin(), native_modules.end()},
      heap{vm_config.limits.bytes(Limit::Memory).count, &Impl::on_pressure, this},
      clock{vm_config.profile == Profile::Hosted, vm_config.seed_low},
      scheduler{*this} {}

Vm::Impl::~Impl() {
  // Unwinding would run through Lua's frames. What lies on the stack belongs to the VM's arena or
  // was destroyed with its operations.
  Carrier::abandon(carrier);
}

bool Vm::Impl::enter(Command what) {
  if (carrier == nullptr) {
    carrier = Carrier::take();
    if (carrier == nullptr) return false;
    command = what;
  }
  inside = true;
  carrier->enter(*this);
  inside = false;
  // One that is dead in the middle of a fiber keeps its stack until it is destroyed.
  if (!preempted && !left_for_good) Carrier::give(std::exchange(carrier, nullptr));
  return true;
}

void Vm::Impl::leave() {
  inside = false;
  carrier->leave();
  inside = true;
}

bool Vm::Impl::on_stack(const std::function<void()>& body) {
  if (inside || preempted) {
    body();
    return true;
  }
  call = &body;
  return enter(Command::Call);
}

void Vm::Impl::serve() { command == Command::Run ? run_ready() : (*call)(); }

void Vm::Impl::run_ready() {
  using Clock = std::chrono::steady_clock;
  constexpr unsigned kLook = 256;
  // Without a timer (or before its first tick) the slice ends between two fibers.
  const auto end = Clock::now() + config.limits.duration(Limit::Slice);
  for (unsigned turn = 1; scheduler.has_next(); ++turn) {
    scheduler.run_one();
    if (death != Outcome::Ok) return;
    if (preemption.tick.exchange(false, std::memory_order_relaxed)) break;
    if (turn % kLook == 0 && Clock::now() >= end) break;
  }
  if (suspected_full) end_if_full();
  if (death != Outcome::Ok) return;
  result = scheduler.has_ready() ? RunState::Ready : RunState::Idle;
}

void Vm::Impl::preempt(lua_State* L) {
  preempted_in = L;
  preempted = true;
  result = RunState::Ready;
  leave();
  preempted = false;
}

}  // namespace perilune::runtime
