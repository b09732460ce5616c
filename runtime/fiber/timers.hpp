#pragma once

/// @file
/// What a VM waits for in time: one binary heap.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace perilune::runtime {

class Timers;

/// Something that happens at a point in time. Its destructor takes it out of the queue.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

 protected:
  ~Timer();
  /// The time has come; the timer is out of the queue already.
  virtual void expire() noexcept = 0;

 private:
  friend class Timers;
  Timers* queue_ = nullptr;
  std::size_t index_ = 0;
};

/// Timers of one VM, earliest first; equal times in the order of `add`. VM's thread.
class Timers {
 public:
  using Clock = std::chrono::steady_clock;

  /// Throws std::bad_alloc. `timer` must not be in a queue.
  void add(Timer& timer, Clock::time_point when);
  void remove(Timer& timer) noexcept;
  void expire_until(Clock::time_point now) noexcept;
  [[nodiscard]] std::optional<Clock::time_point> next() const noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }

 private:
  struct Entry {
    Clock::time_point when;
    std::uint64_t order;
    Timer* timer;
    [[nodiscard]] bool before(const Entry& other) const noexcept {
      return when != other.when ? when < other.when : order < other.order;
    }
  };

  void place(std::size_t index, const Entry& entry) noexcept;
  void up(std::size_t index, const Entry& entry) noexcept;
  void down(std::size_t index, const Entry& entry) noexcept;

  std::vector<Entry> heap_;
  std::uint64_t order_ = 0;
};

}  // namespace perilune::runtime
