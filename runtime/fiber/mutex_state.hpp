#pragma once

/// @file
/// Who has a mutex and who gets it next: what `mutex`, `recursive_mutex` and `condition_variable`
/// share.

#include <cstdint>
#include <string>

#include "runtime/fiber/wait_queue.hpp"

namespace perilune::runtime {

class MutexWaiter;

/// Free, or locked by a fiber. `unlock` hands it to the fiber that has waited longest before
/// anybody else can take it, so nobody barges in. Lives in a userdata.
class MutexState {
 public:
  MutexState(const char* kind, std::uint32_t number, bool recursive) noexcept
      : kind_{kind}, number_{number}, recursive_{recursive} {}
  ~MutexState() { disown(); }
  MutexState(const MutexState&) = delete;
  MutexState& operator=(const MutexState&) = delete;

  [[nodiscard]] bool locked() const noexcept { return locked_; }
  /// The fiber that took it, while that exists.
  [[nodiscard]] const Fiber* owner() const noexcept { return owner_; }
  /// How often a recursive one was locked by its owner.
  [[nodiscard]] std::uint32_t level() const noexcept { return level_; }
  [[nodiscard]] bool recursive() const noexcept { return recursive_; }
  [[nodiscard]] const char* kind() const noexcept { return kind_; }
  [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
  /// "mutex 0x2, locked by fiber 0x7".
  [[nodiscard]] std::string describe() const;

  /// Locks it for `fiber` if it is free, or (recursive) if it is `fiber`'s already.
  [[nodiscard]] bool take(Fiber& fiber) noexcept;
  /// Gives one level back; the last one hands it over. It must be locked.
  void release() noexcept;
  /// To the fiber that has waited longest, or to nobody.
  void hand_over() noexcept;

  /// A fiber ended: what it has locked stays locked, without an owner.
  static void forget(Fiber& fiber) noexcept;

 private:
  friend class MutexWaiter;
  void own(Fiber& fiber) noexcept;
  void disown() noexcept;

  WaitQueue waiters_;
  Fiber* owner_ = nullptr;
  MutexState* next_held_ = nullptr;  ///< of the same owner
  MutexState* previous_held_ = nullptr;
  const char* kind_;
  std::uint32_t number_;
  std::uint32_t owner_id_ = 0;
  std::uint32_t level_ = 0;
  bool recursive_;
  bool locked_ = false;
};

/// A wait at the end of which its fiber has a mutex.
class MutexWaiter : public Waiter {
 public:
  ~MutexWaiter() override;
  [[nodiscard]] std::string resource() const override { return mutex_->describe(); }
  [[nodiscard]] const Fiber* holder() const noexcept override { return mutex_->owner(); }
  [[nodiscard]] const void* object() const noexcept override { return mutex_; }

 protected:
  explicit MutexWaiter(MutexState& mutex) noexcept : mutex_{&mutex} {}
  [[nodiscard]] MutexState& mutex() const noexcept { return *mutex_; }
  /// Last among those who wait for the mutex.
  void queue_for_mutex() noexcept { enter(mutex_->waiters_); }
  /// Takes the mutex if it is free, else queues for it.
  void acquire() noexcept;
  /// `finish` was reached: the mutex is the fiber's, who has to unlock it.
  void keep() noexcept { granted_ = false; }

 private:
  friend class MutexState;
  void grant() noexcept;

  MutexState* mutex_;
  bool granted_ = false;
};

// What both kinds of mutex do; `name` is of the function.
int lock_mutex(lua_State* L, MutexState& mutex, const char* name);
int try_lock_mutex(lua_State* L, MutexState& mutex);
/// Seconds are argument 2.
int try_lock_mutex_for(lua_State* L, MutexState& mutex, const char* name);

}  // namespace perilune::runtime
