#include "host/supervisor/restart_policy.hpp"

#include <algorithm>

namespace perilune::host {

void RestartPolicy::died(Clock::time_point now) {
  while (!deaths_.empty() && now - deaths_.front() > kWindow) deaths_.pop_front();
  deaths_.push_back(now);
  not_before_ = now;
  if (deaths_.size() == 1) return;
  constexpr std::size_t kMostDoublings = 9;  // 2^9 s is beyond kLongestDelay
  const auto doublings = std::min(deaths_.size() - 2, kMostDoublings);
  const std::chrono::seconds delay = kFirstDelay * (1 << doublings);
  not_before_ += std::min<std::chrono::seconds>(delay, kLongestDelay);
}

}  // namespace perilune::host
