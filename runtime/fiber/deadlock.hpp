#pragma once

/// @file
/// Finds fibers that wait for each other, or for something that nobody can do any more, when that
/// happens; each gets an error, and who waits for whom goes to the log.
///
/// Three findings, cheapest first (docs/decisions/0009-deadlock.md):
///  * a **cycle**: each fiber waits for a lock that the next one holds (or each joins the next
///  one).
///    Found by the suspension that closes it;
///  * **nothing can happen**: no fiber is ready, all of them wait for each other, and nobody
///  outside
///    may start one. Found when the VM runs out of ready fibers;
///  * **out of reach**: no fiber that can still run, nor one that may be started from outside, can
///    reach what is waited for. Found when the VM has nothing to do and the wait is 10 ms old, then
///    100 ms, 1 s and so on.
/// A wait that time, I/O or somebody outside may end is never part of a deadlock
/// (`Operation::internal`).

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

class Fiber;
class Operation;
class Scheduler;
struct SearchedWait;

/// One per VM; VM's thread. What is not `noexcept` runs at the bottom of the VM's C stack.
class DeadlockDetector {
 public:
  using Clock = std::chrono::steady_clock;

  /// Age of a wait when it is looked at first; the next looks come at ten times the age each.
  static constexpr std::chrono::milliseconds kFirstLook{10};
  /// Objects and table entries that one search may touch; whatever lies behind them counts as
  /// within reach. A few milliseconds.
  static constexpr std::size_t kSearch = 150'000;

  explicit DeadlockDetector(Scheduler& scheduler) noexcept : scheduler_{scheduler} {}
  DeadlockDetector(const DeadlockDetector&) = delete;
  DeadlockDetector& operator=(const DeadlockDetector&) = delete;

  /// The fiber waits for others now.
  void suspended(Fiber& fiber) noexcept;
  /// Such a fiber runs again.
  void resumed() noexcept { --waiting_; }

  /// Ends the cycle that `suspended` saw, if any.
  void end_cycle() {
    if (closed_cycle_ != 0) resolve_cycle();
  }
  /// No fiber is ready: true if one is now.
  [[nodiscard]] bool on_idle() { return waiting_ > 0 && look(); }
  /// `on_idle` has something to do.
  [[nodiscard]] bool due() const noexcept { return waiting_ > 0 && Clock::now() >= next_look_; }
  /// When it will have.
  [[nodiscard]] std::optional<Clock::time_point> next_look() const noexcept {
    return waiting_ > 0 && next_look_ != Clock::time_point::max() ? std::optional{next_look_}
                                                                  : std::nullopt;
  }
  [[nodiscard]] std::uint32_t waiting() const noexcept { return waiting_; }

 private:
  using Waits = std::vector<SearchedWait>;

  void resolve_cycle();
  [[nodiscard]] bool look();
  [[nodiscard]] bool any_due(const Waits& waits, Clock::time_point now) const noexcept;
  [[nodiscard]] bool search(Waits& waits, bool nothing_runs);
  [[nodiscard]] Waits collect_waits() const;
  void plan(const Waits& waits, Clock::time_point now) noexcept;
  void collect_garbage();
  void end(Waits& waits);

  Scheduler& scheduler_;
  std::uint32_t waiting_ = 0;       ///< fibers that wait for others
  std::uint32_t closed_cycle_ = 0;  ///< id of the fiber whose suspension closed a cycle
  Clock::time_point next_look_ = Clock::time_point::max();
  Clock::time_point looked_{};      ///< when it looked last
  Clock::time_point not_before_{};  ///< so that searching takes a small part of the time only
};

/// Raises the error of an operation that was ended as part of a deadlock.
[[noreturn]] void raise_deadlock(lua_State* L, const Operation& operation);

}  // namespace perilune::runtime
