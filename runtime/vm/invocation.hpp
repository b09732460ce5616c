#pragma once

/// @file
/// One request and all fibers that it spawned: budget, deadline, identity, and how it ended. What
/// an app does outside of requests is an invocation too: its start-up, then its background.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "runtime/limits.hpp"
#include "runtime/outcome.hpp"

namespace perilune::runtime {

class Fiber;

/// Belongs to its creator, who destroys it in `on_last_fiber` or later (or after the VM). A fiber
/// inherits the invocation of the fiber that spawned it. VM's thread only.
class Invocation {
 public:
  enum class Work : std::uint8_t { Request, StartUp, Background };

  struct Config {
    Work work = Work::Request;
    std::uint64_t id_low = 0;
    std::uint64_t id_high = 0;
    std::string client;
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    std::chrono::microseconds cpu_soft{0};  ///< 0: unlimited (the engine)
    std::chrono::microseconds cpu_hard{0};  ///< beyond soft
  };

  explicit Invocation(Config config) : config_{std::move(config)} {}
  Invocation(const Invocation&) = delete;
  Invocation& operator=(const Invocation&) = delete;

  [[nodiscard]] const Config& config() const noexcept { return config_; }
  /// CPU charged so far (exact up to the running slice).
  [[nodiscard]] std::chrono::nanoseconds cpu() const noexcept { return cpu_; }
  void charge(std::chrono::nanoseconds cpu) noexcept {
    cpu_ += cpu;
    if (account_ != nullptr) account_->cpu_ += cpu;
  }
  /// From now on its CPU counts for `account` too, and it ends when either budget is used up.
  /// `account` outlives it.
  void share_with(Invocation* account) noexcept { account_ = account; }
  [[nodiscard]] std::uint32_t fibers() const noexcept { return fibers_; }
  [[nodiscard]] std::uint32_t most_fibers() const noexcept { return most_fibers_; }
  [[nodiscard]] std::size_t logged() const noexcept { return logged_; }
  void add_logged(std::size_t bytes) noexcept { logged_ += bytes; }

  /// True once the CPU budget was used up and the error was raised. What runs on in the short grace
  /// after it may still answer; then follows the verdict.
  [[nodiscard]] bool over_cpu() const noexcept { return over_cpu_; }

  /// Ok until something ended it: then every fiber of it gets that error until it has unwound.
  [[nodiscard]] Outcome verdict() const noexcept { return verdict_; }
  /// First verdict wins.
  void condemn(Outcome verdict) noexcept {
    if (verdict_ == Outcome::Ok) verdict_ = verdict;
  }

  /// The start-up is over: what it spawned and still runs is the app's background from now on. It
  /// has no deadline, and a budget that `refund` refills.
  void become_background(std::chrono::microseconds soft, std::chrono::microseconds hard) noexcept {
    config_.work = Work::Background;
    config_.cpu_soft = soft;
    config_.cpu_hard = hard;
    config_.deadline = std::chrono::steady_clock::time_point::max();
    cpu_ = std::chrono::nanoseconds{0};
    logged_ = 0;
    over_cpu_ = false;
    cleanup_end_ = std::chrono::nanoseconds{0};
  }
  /// Gives CPU back, down to nothing used. A budget that is half free is a new one: its next end is
  /// told by an error that can be caught again.
  void refund(std::chrono::nanoseconds cpu) noexcept {
    cpu_ = cpu < cpu_ ? cpu_ - cpu : std::chrono::nanoseconds{0};
    if (verdict_ == Outcome::Ok && cpu_ < config_.cpu_soft / 2) over_cpu_ = false;
  }
  /// Its last fiber has gone: whatever ended it does not concern the next ones. What was used stays
  /// used.
  void renew() noexcept {
    verdict_ = Outcome::Ok;
    cleanup_end_ = std::chrono::nanoseconds{0};
    over_cpu_ = false;
  }
  /// How often the budget was used up.
  [[nodiscard]] std::uint32_t overruns() const noexcept { return overruns_; }

  /// Called when the last fiber of the invocation has ended or left it; may destroy the invocation.
  std::function<void(Invocation&)> on_last_fiber;

 private:
  friend class CpuMeter;
  friend class Scheduler;
  friend class Vm;
  Config config_;
  std::chrono::nanoseconds cpu_{0};
  std::size_t logged_ = 0;
  std::uint32_t fibers_ = 0;
  std::uint32_t most_fibers_ = 0;
  Outcome verdict_ = Outcome::Ok;
  std::uint32_t overruns_ = 0;
  bool over_cpu_ = false;
  bool watched_ = false;  ///< so near the end of its budget that the clock is read all the time
  std::chrono::nanoseconds grace_end_{0};  ///< of `cpu()`, once over_cpu_
  std::chrono::nanoseconds cleanup_end_{
      0};  ///< of `cpu()`: until then handlers of it run, once condemned
  Fiber* first_fiber_ = nullptr;
  Invocation* account_ = nullptr;
  // The meter's: measured but not charged yet.
  std::chrono::nanoseconds measured_{0};
  Invocation* touched_ = nullptr;
};

}  // namespace perilune::runtime
