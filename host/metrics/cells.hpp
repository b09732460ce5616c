#pragma once

/// @file
/// Numbers that many threads count into without a lock and one reads.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <span>

namespace perilune::host {

/// A counter or gauge.
class Cell {
 public:
  void add(std::int64_t n) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  void set(std::int64_t n) noexcept { value_.store(n, std::memory_order_relaxed); }
  [[nodiscard]] std::int64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Buckets of all our histograms, in microseconds: 1 ms to 30 s; what is above is in +Inf.
inline constexpr std::array<std::int64_t, 9> kBuckets{
    1'000, 5'000, 20'000, 50'000, 100'000, 250'000, 1'000'000, 5'000'000, 30'000'000};

/// Durations. A scrape beside an observation may see one without the other, never a torn number.
class DurationHistogram {
 public:
  void observe(std::int64_t microseconds) noexcept {
    const auto* at = std::lower_bound(kBuckets.begin(), kBuckets.end(), microseconds);
    counts_[static_cast<std::size_t>(at - kBuckets.begin())].add(1);
    sum_.add(microseconds);
  }
  /// Observations in bucket `i` alone; `kBuckets.size()` is +Inf.
  [[nodiscard]] std::uint64_t count(std::size_t i) const noexcept {
    return static_cast<std::uint64_t>(counts_[i].get());
  }
  [[nodiscard]] double sum_seconds() const noexcept {
    return static_cast<double>(sum_.get()) / 1e6;
  }

 private:
  std::array<Cell, kBuckets.size() + 1> counts_;
  Cell sum_;
};

}  // namespace perilune::host
