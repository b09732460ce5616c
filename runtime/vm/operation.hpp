#pragma once

/// @file
/// How a C++ function suspends the Lua fiber that called it: the one record per suspension.
///
///     int l_sleep_for(lua_State* L) {
///       const auto d = check_milliseconds(L, 1);
///       return suspend(L, std::make_unique<Sleep>(Vm::of(L), d));
///     }
///     // registered by push_suspending(L, l_sleep_for, 0)
///
/// The operation stays alive until its fiber runs again (or the VM is closed), so whoever will
/// complete it may keep a pointer to it; its destructor detaches it from there. Everything happens
/// on the VM's thread.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

class Fiber;
class Vm;

/// Why a wait was ended although nobody ended it.
struct DeadlockReport {
  std::string message;                       ///< for this fiber
  std::shared_ptr<const std::string> graph;  ///< who waits for whom, a line per fiber
};

/// What one suspended fiber waits for. Also what a fiber dump and a deadlock report show.
class Operation {
 public:
  Operation() = default;
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  virtual ~Operation();

  /// What the VM's memory account is charged for one while its fiber is suspended: about what it
  /// and its place in a queue take.
  static constexpr std::size_t kCharge = 128;

  /// "sleep_for", "tcp.socket:read_some": a literal.
  [[nodiscard]] virtual const char* name() const noexcept = 0;
  /// What it waits on, for a person: "mutex 3, owned by fiber 7". Called for dumps only.
  [[nodiscard]] virtual std::string resource() const { return {}; }

  /// Only another fiber of this VM can end the wait: neither time, nor I/O, nor somebody outside.
  /// Such waits are what a deadlock is made of.
  [[nodiscard]] virtual bool internal() const noexcept { return false; }
  /// The fiber that has to do something first (the owner of a mutex, who is joined), if that is
  /// known.
  [[nodiscard]] virtual const Fiber* holder() const noexcept { return nullptr; }
  /// The object waited on, if `internal()`: whoever can reach it may end the wait. nullptr if only
  /// the end of `holder` does. A userdata's address, or what the `edges` of some class lead to
  /// (runtime/fiber/reachability.hpp).
  [[nodiscard]] virtual const void* object() const noexcept { return nullptr; }

  /// The fiber was interrupted, or the VM closes. Must lead to `complete()`, now or later. A
  /// finished operation whose result is already there keeps it: the interruption waits for the next
  /// point.
  virtual void cancel() noexcept = 0;
  /// False for the few waits that are no interruption points (mutex:lock).
  [[nodiscard]] virtual bool interruptible() const noexcept { return true; }

  /// Runs in the resumed fiber, in its protected call: pushes results and returns their number, or
  /// raises. If the fiber was interrupted and `was_cancelled()`, the scheduler raises `interrupted`
  /// instead.
  virtual int finish(lua_State* L) = 0;

  [[nodiscard]] std::chrono::steady_clock::time_point since() const noexcept { return since_; }
  [[nodiscard]] bool completed() const noexcept { return completed_; }
  [[nodiscard]] bool was_cancelled() const noexcept { return cancelled_; }
  [[nodiscard]] bool was_deadlocked() const noexcept { return deadlock_ != nullptr; }
  /// What to tell the fiber, if `was_deadlocked()`.
  [[nodiscard]] const DeadlockReport* deadlock() const noexcept { return deadlock_.get(); }
  [[nodiscard]] Fiber* fiber() const noexcept { return fiber_; }

 protected:
  /// Makes the fiber ready to run (queued last). Calling it again does nothing.
  void complete() noexcept;
  /// `complete()`, remembering that the result is missing because of `cancel()`.
  void complete_cancelled() noexcept;

 private:
  friend class DeadlockDetector;
  /// Nobody will end the wait: `cancel()`, and the fiber gets an error that says so. What `cancel`
  /// does about a lock that was asked for holds here too: its fiber does not own it.
  void end_deadlock(std::unique_ptr<DeadlockReport> report) noexcept;
  friend class Scheduler;
  Fiber* fiber_ = nullptr;
  std::chrono::steady_clock::time_point since_{};
  std::uintptr_t token_ = 0;  ///< what its suspension is known by on its way inwards
  bool completed_ = false;
  bool cancelled_ = false;
  std::unique_ptr<DeadlockReport> deadlock_;  ///< completed by the deadlock detector
};

/// Suspends the calling fiber until `operation` completes: `return suspend(L, ...)` as the last act
/// of a lua_CFunction that was registered by `push_suspending`. Raises (before anything happened)
/// under forbid_suspend, outside a fiber, or when the fiber is interrupted. If `operation` is
/// already complete the fiber does not switch.
[[nodiscard]] int suspend(lua_State* L, std::unique_ptr<Operation> operation);

/// Raises what `suspend` would raise now; for functions that must not start side effects before it.
void check_may_suspend(lua_State* L, const char* operation, bool interruption_point = true);

/// Pushes a Lua function that calls `f` (with the `upvalues` on top of the stack) and, after a
/// suspension, the operation's `finish`. Every function that may call `suspend` is registered this
/// way.
void push_suspending(lua_State* L, int (*f)(lua_State*), int upvalues);

}  // namespace perilune::runtime
