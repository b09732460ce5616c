// The VM's C stack: entering it, leaving it, and the loop at its bottom.

#include <new>

#include "runtime/vm/guarded_stack.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

/// Remembers the stack, so that one that is never left can be unmapped all the same.
class RecordedStack {
 public:
  RecordedStack(std::size_t bytes, boost::context::stack_context& record) noexcept
      : stack_{bytes}, record_{&record} {}
  boost::context::stack_context allocate() { return *record_ = stack_.allocate(); }
  void deallocate(boost::context::stack_context& stack) noexcept { stack_.deallocate(stack); }

 private:
  GuardedStack stack_;
  boost::context::stack_context* record_;
};

}  // namespace

Vm::Impl::Impl(Vm& vm, const VmConfig& vm_config, VmHost& vm_host,
               std::span<const NativeModule> native_modules)
    : self{vm},
      config{vm_config},
      host{vm_host},
      modules{native_modules.begin(), native_modules.end()},
      heap{vm_config.limits.bytes(Limit::Memory).count, &Impl::on_pressure, this},
      scheduler{*this} {}

Vm::Impl::~Impl() {
  if (!has_stack_) return;
  if (death == Outcome::Ok && !preempted) {
    command = Command::Exit;
    enter();
    context_.~fiber();
  } else {
    // Unwinding would run through Lua's frames. What lies on the stack belongs to the VM's arena or
    // was destroyed with its operations.
    GuardedStack{kStack}.deallocate(stack_);
  }
}

bool Vm::Impl::make_stack() {
  try {
    ::new (&context_) boost::context::fiber(std::allocator_arg, RecordedStack{kStack, stack_},
                                            [this](boost::context::fiber&& from) {
                                              caller = std::move(from);
                                              inside = true;
                                              stack_loop();
                                              inside = false;
                                              return std::move(caller);
                                            });
  } catch (const std::bad_alloc&) {
    return false;
  }
  has_stack_ = true;
  return true;
}

void Vm::Impl::enter() {
  inside = true;
  context_ = std::move(context_).resume();
  inside = false;
}

void Vm::Impl::leave() {
  caller = std::move(caller).resume();
  inside = true;
}

void Vm::Impl::on_stack(const std::function<void()>& body) {
  if (inside || preempted) {
    body();
    return;
  }
  call = &body;
  command = Command::Call;
  enter();
}

void Vm::Impl::stack_loop() {
  for (;;) {
    switch (command) {
      case Command::Run: run_ready(); break;
      case Command::Call: (*call)(); break;
      case Command::Exit: return;
    }
    leave();
  }
}

void Vm::Impl::run_ready() {
  using Clock = std::chrono::steady_clock;
  constexpr unsigned kLook = 256;
  // Without a timer (or before its first tick) the slice ends between two fibers.
  const auto end = Clock::now() + config.limits.duration(Limit::Slice);
  for (unsigned turn = 1; scheduler.has_ready(); ++turn) {
    scheduler.run_one();
    if (death != Outcome::Ok) return;
    if (preemption.tick.exchange(false, std::memory_order_relaxed)) break;
    if (turn % kLook == 0 && Clock::now() >= end) break;
  }
  if (suspected_full) end_if_full();
  if (death != Outcome::Ok) return;
  result = scheduler.has_ready() ? RunState::Ready : RunState::Idle;
}

void Vm::Impl::preempt() {
  preempted = true;
  result = RunState::Ready;
  leave();
  preempted = false;
}

}  // namespace perilune::runtime
