#pragma once

/// @file
/// Who used the CPU: shares a thread's CPU time out among the invocations that ran.

#include <chrono>

#include "runtime/vm/invocation.hpp"

namespace perilune::runtime {

/// Reading a thread's CPU clock is a system call, so a change of invocation reads the monotonic
/// clock, and `settle` scales what was measured so to the CPU time that really passed.
class CpuMeter {
 public:
  /// The thread starts to run this VM. Nothing is measured before.
  void start() noexcept;
  /// The thread leaves this VM: settles.
  void stop() noexcept;
  /// The thread's CPU time when it started to run this VM.
  [[nodiscard]] std::chrono::nanoseconds started() const noexcept { return started_; }
  /// From now on `invocation` (or nobody) uses the CPU.
  void switch_to(Invocation* invocation) noexcept {
    if (invocation != current_) change(invocation);
  }
  /// Charges everybody exactly, up to now.
  void settle() noexcept;
  /// Charges what `invocation` used so far and forgets it: it is about to be destroyed.
  void close(Invocation& invocation) noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  void change(Invocation* invocation) noexcept;
  void mark() noexcept;

  Invocation* current_ = nullptr;
  Invocation* touched_ = nullptr;  ///< those with something measured, linked
  Clock::time_point since_{};
  std::chrono::nanoseconds measured_{0};  ///< by the monotonic clock, since the last settling
  std::chrono::nanoseconds cpu_{0};       ///< thread clock at the last settling
  std::chrono::nanoseconds started_{0};
  bool running_ = false;
};

}  // namespace perilune::runtime
