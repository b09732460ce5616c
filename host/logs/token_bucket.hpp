#pragma once

/// @file
/// A rate with a burst. Time is handed in.

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace perilune::host {

class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;

  TokenBucket(std::uint64_t per_second, std::uint64_t burst) noexcept
      : rate_{static_cast<double>(per_second)}, burst_{static_cast<double>(burst)} {}

  /// New numbers; what is left stays, at most the new burst.
  void set(std::uint64_t per_second, std::uint64_t burst) noexcept {
    rate_ = static_cast<double>(per_second);
    left_ = std::min(left_ < 0 ? burst_ : left_, static_cast<double>(burst));
    burst_ = static_cast<double>(burst);
  }
  /// Takes one, if there is one.
  bool take(Clock::time_point now) noexcept {
    if (left_ < 0) {
      left_ = burst_;
    } else {
      const std::chrono::duration<double> passed = now - last_;
      left_ = std::min(burst_, left_ + std::max(0.0, passed.count()) * rate_);
    }
    last_ = now;
    if (left_ < 1) return false;
    left_ -= 1;
    return true;
  }

 private:
  double rate_;
  double burst_;
  double left_ = -1;  ///< not used yet: full
  Clock::time_point last_{};
};

}  // namespace perilune::host
