#pragma once

/// @file
/// Takes the thread away from Lua code that runs too long: one thread-CPU timer per thread.

#include <chrono>
#include <ctime>

#include "runtime/base/result.hpp"

namespace perilune::runtime {

/// Made on the thread that runs VMs, before the sandbox closes (timer_create and rt_sigaction are
/// forbidden afterwards; timer_settime is not). The timer counts CPU time of this thread only, so
/// it stands still while the thread waits.
class SliceTimer {
 public:
  /// Fails with `system_error`. Installs the handler of SIGPROF for the process.
  [[nodiscard]] static Result<SliceTimer> create(std::chrono::nanoseconds slice);
  SliceTimer(SliceTimer&& other) noexcept;
  SliceTimer& operator=(SliceTimer&&) = delete;
  ~SliceTimer();

  /// From now on ticks come every `slice`; at once if it is armed.
  void set_slice(std::chrono::nanoseconds slice) noexcept;
  /// Call when the loop starts to run VMs after it was idle; ticks follow every slice of CPU time.
  /// Cheap when it is armed already.
  void arm() noexcept;
  /// Call when the loop is about to block. Not needed for correctness; saves wake-ups.
  void disarm() noexcept;
  [[nodiscard]] bool armed() const noexcept { return armed_; }

 private:
  SliceTimer(timer_t timer, std::chrono::nanoseconds slice) noexcept
      : timer_{timer}, slice_{slice} {}

  timer_t timer_;
  std::chrono::nanoseconds slice_;
  bool owner_ = true;
  bool armed_ = false;
};

/// CPU time of the calling thread.
[[nodiscard]] std::chrono::nanoseconds thread_cpu() noexcept;

}  // namespace perilune::runtime
