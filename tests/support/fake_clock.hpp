#pragma once

/// @file
/// A clock that moves only when a test says so.

#include <chrono>

#include "runtime/fiber/clock.hpp"

namespace perilune::test {

class FakeClock final : public runtime::ClockSource {
 public:
  [[nodiscard]] std::chrono::steady_clock::time_point steady() const noexcept override {
    return std::chrono::steady_clock::time_point{now};
  }
  [[nodiscard]] std::chrono::system_clock::time_point system() const noexcept override {
    return std::chrono::system_clock::time_point{now + offset};
  }
  std::chrono::nanoseconds now = std::chrono::seconds{5000};
  std::chrono::nanoseconds offset = std::chrono::seconds{1'700'000'000};  ///< of the system clock
};

}  // namespace perilune::test
