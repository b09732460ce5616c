#pragma once

/// @file
/// What the timer's signal handler and a VM share, and who runs on this thread.

#include <atomic>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// A VM as the signal handler sees it. Only lock-free flags: the handler runs between any two
/// instructions of the VM's own thread.
struct Preemption {
  lua_State* state = nullptr;
  /// A tick came and was not looked at yet.
  std::atomic<bool> tick{false};
  /// Hooks are being changed, or must not be: the handler leaves the mark only.
  std::atomic<bool> guarded{true};

  /// Async-signal-safe: the next Lua instruction calls `vm_hook`.
  void on_tick() noexcept;
  /// Calls `vm_hook` every `instructions` (0: never). A tick that comes meanwhile is not lost.
  void hook_every(int instructions) noexcept;
};

/// The VM that runs on this thread, or nullptr. What a tick hits.
void set_running(Preemption* vm) noexcept;
[[nodiscard]] Preemption* running() noexcept;

}  // namespace perilune::runtime
