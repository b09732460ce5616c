#pragma once

/// @file
/// When an app whose worker died may have the next one.

#include <chrono>
#include <cstddef>
#include <deque>

namespace perilune::host {

/// First restart at once, then after 1, 2, 4 ... seconds, at most 5 minutes; 5 deaths in 10 minutes
/// are a crash loop. Time is handed in.
class RestartPolicy {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kLoopDeaths = 5;
  static constexpr std::chrono::minutes kWindow{10};
  static constexpr std::chrono::seconds kFirstDelay{1};
  static constexpr std::chrono::minutes kLongestDelay{5};

  void died(Clock::time_point now);
  /// A new deployment: what was is forgotten.
  void reset() { *this = RestartPolicy{}; }
  /// No start before this.
  [[nodiscard]] Clock::time_point not_before() const noexcept { return not_before_; }
  /// Requests are refused: too many deaths, and the back-off has not passed.
  [[nodiscard]] bool crash_loop(Clock::time_point now) const noexcept {
    return deaths_.size() >= kLoopDeaths && now < not_before_;
  }
  /// Deaths within the window at the last one.
  [[nodiscard]] std::size_t deaths() const noexcept { return deaths_.size(); }

 private:
  std::deque<Clock::time_point> deaths_;
  Clock::time_point not_before_ = Clock::time_point::min();
};

}  // namespace perilune::host
