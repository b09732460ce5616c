#pragma once

/// @file
/// How much CPU an app may use outside of requests: a burst, and a part of the time that passes.

#include <chrono>
#include <cstdint>

#include "runtime/vm/invocation.hpp"

namespace perilune::worker {

/// A token bucket over an invocation's own account: instead of counting tokens up it takes charged
/// CPU back. VM's thread.
class BackgroundBudget {
 public:
  using Clock = std::chrono::steady_clock;

  /// This part of the wall time comes back.
  static constexpr int kPart = 10;
  /// Comes back for every request that the app's own loop was handed: taking it (accept, spawn,
  /// the end of read_request's wait) happens before the request's account is known.
  static constexpr std::chrono::microseconds kPerRequest{100};

  explicit BackgroundBudget(runtime::Invocation& background) noexcept : background_{background} {}

  /// The background begins: `burst` is free. Beyond `burst` and `hard` the VM dies.
  void begin(std::chrono::milliseconds burst, std::chrono::milliseconds hard,
             Clock::time_point now) noexcept {
    background_.become_background(burst, hard);
    refilled_ = now;
  }

  /// Each turn. `requests` were handed to the app's loop since the last time.
  void refill(Clock::time_point now, std::uint32_t requests) noexcept {
    background_.refund((now - refilled_) / kPart + requests * kPerRequest);
    refilled_ = now;
  }

 private:
  runtime::Invocation& background_;
  Clock::time_point refilled_{};
};

}  // namespace perilune::worker
