#pragma once

/// @file
/// Inside of a VM. For runtime/vm and runtime/fiber only.

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/fiber/clock.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/vm/carrier.hpp"
#include "runtime/vm/cpu_meter.hpp"
#include "runtime/vm/heap.hpp"
#include "runtime/vm/preemption.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {

struct Vm::Impl final : Carrier::Work {
  /// CPU time that an invocation has between the error that it may catch and its end.
  static constexpr std::chrono::milliseconds kGrace{5};
  /// Instructions between two looks at the clock when a budget is nearly used up.
  static constexpr int kPoll = 1000;

  Impl(Vm& vm, const VmConfig& vm_config, VmHost& vm_host,
       std::span<const NativeModule> native_modules);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  [[nodiscard]] static Impl& of(lua_State* L) noexcept;

  // -- the VM's C stack (stack.cpp)
  enum class Command : std::uint8_t { Run, Call };
  /// Enters the VM's stack, with a new one for `what` or where it was preempted, and comes back
  /// when it is left; false if there is none.
  [[nodiscard]] bool enter(Command what);
  /// Leaves the VM's stack; returns when it is entered again.
  void leave();
  /// Runs `body` on the VM's C stack; where we are, if that is it or it is in use. False if there
  /// is none.
  [[nodiscard]] bool on_stack(const std::function<void()>& body);
  void serve() override;
  void run_ready();

  // -- hooks and budgets (enforce.cpp)
  void on_hook(lua_State* L);
  /// Charges the running invocation and decides about it.
  enum class Action : std::uint8_t { Continue, Raise, Die };
  [[nodiscard]] Action judge() noexcept;
  /// Of its own budget and of the one that it shares.
  [[nodiscard]] static std::chrono::nanoseconds cpu_left(const Invocation& invocation) noexcept;
  [[noreturn]] void raise_cpu_limit(lua_State* L, const Invocation& invocation);
  void set_hook(int every) noexcept;
  [[nodiscard]] int period_for(const Invocation* invocation) const noexcept;
  [[nodiscard]] bool must_stop();
  [[noreturn]] void raise_verdict(lua_State* L);
  void note_line(lua_State* L) noexcept;
  /// Leaves the VM in the middle of its running fiber. `L`: the coroutine, if known.
  void preempt(lua_State* L = nullptr);
  void collect(lua_State* L);
  /// Collects, and ends a VM that stays full. At the bottom of the stack only.
  void end_if_full();
  void die(Outcome outcome, std::string message);
  static void on_pressure(void* impl) noexcept;

  /// The one trampoline: runs `body(L)` in a protected call on this C stack.
  [[nodiscard]] Result<void> protect_here(const std::function<void(lua_State* L)>& body);
  [[nodiscard]] Result<void> open(const std::function<void(lua_State* L)>& bootstrap);

  Vm& self;
  VmConfig config;
  VmHost& host;
  std::vector<NativeModule> modules;
  Heap heap;
  Preemption preemption;
  CpuMeter meter;
  VmClock clock;
  Scheduler scheduler;
  lua_State* state = nullptr;

  Carrier* carrier = nullptr;  ///< while it is inside or preempted
  Command command = Command::Run;
  const std::function<void()>* call = nullptr;
  bool inside = false;     ///< executing on the VM's stack
  bool preempted = false;  ///< left in the middle of a fiber
  lua_State* preempted_in = nullptr;
  bool running = false;  ///< in Vm::run
  RunState result = RunState::Idle;
  bool left_for_good = false;  ///< died in the middle of a fiber: its stack is not entered again

  int hook_period = 0;
  Invocation* background = nullptr;
  const lua_State* raised_in = nullptr;  ///< where the hook raised last, and at which line
  int raised_line = 0;
  bool raised_by_hook = false;  ///< the error under way is the hook's: hooks are off in handlers
  bool suspected_full = false;  ///< somebody caught an out-of-memory error and is done
  bool closing = false;
  Outcome death = Outcome::Ok;
  std::string death_message;
  int threads = 0;   ///< registry reference of the table that anchors fibers
  int handler = -2;  ///< registry reference of what the entry file returned
  std::array<int, static_cast<std::size_t>(Outcome::Count_)> verdicts{};
  bool main_done = false;
  std::optional<std::string> main_error;
  std::vector<std::pair<SlotKey, std::shared_ptr<void>>> slots;
  std::vector<const void*> class_addresses;  ///< by `LuaClass::number`
};

}  // namespace perilune::runtime
