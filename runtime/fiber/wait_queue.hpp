#pragma once

/// @file
/// Who waits for a mutex, a condition variable, a value: first in, first out, perhaps for a limited
/// time. The one list under all modules of synchronisation.

#include <cstdint>
#include <string>

#include "runtime/fiber/timers.hpp"
#include "runtime/vm/operation.hpp"

namespace perilune::runtime {

class Waiter;

/// An intrusive list, oldest first. Lives in a userdata, without a finaliser: whoever waits has
/// that userdata on its stack, so the list outlives its waiters.
class WaitQueue {
 public:
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  /// The oldest waiter, or nullptr. `T`: what its owner put in.
  template <typename T>
  [[nodiscard]] T* front() const noexcept {
    return static_cast<T*>(first_);
  }
  void push_back(Waiter& waiter) noexcept;
  void remove(Waiter& waiter) noexcept;

 private:
  Waiter* first_ = nullptr;
  Waiter* last_ = nullptr;
};

/// A wait that only another fiber of the VM can end, or time if `until` was called.
///
/// What it waits for is handed over by whoever lets it go (`complete()`), before its fiber runs. If
/// that fiber dies before `finish`, the destructor of the derived class passes the gift on, unless
/// `dropping()`.
class Waiter : public Operation, private Timer {
 public:
  ~Waiter() override { leave(); }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  [[nodiscard]] bool internal() const noexcept override { return !timed_; }
  void cancel() noexcept override;

  /// Ends the wait at `deadline` by `time_out`. Throws std::bad_alloc. Call `check_timer_quota`
  /// before.
  void until(lua_State* L, Timers::Clock::time_point deadline);

 protected:
  Waiter() = default;
  /// Last in `queue`; it must be in none.
  void enter(WaitQueue& queue) noexcept {
    queue.push_back(*this);
    queue_ = &queue;
  }
  /// Out of its queue, if it is in one.
  void leave() noexcept {
    if (queue_ == nullptr) return;
    queue_->remove(*this);
    queue_ = nullptr;
  }
  /// The deadline came and nobody had completed the wait.
  virtual void time_out() noexcept;
  /// How `time_out` left it: a wait that was granted at the same time is not timed out.
  [[nodiscard]] bool timed_out() const noexcept { return timed_out_; }
  /// A verdict ends the fiber: it only has to unwind.
  [[nodiscard]] bool condemned() const noexcept;
  /// The VM is being destroyed: there is nobody to pass anything on to.
  [[nodiscard]] bool dropping() const noexcept;

 private:
  friend class WaitQueue;
  void expire() noexcept final;

  WaitQueue* queue_ = nullptr;
  Waiter* previous_ = nullptr;
  Waiter* next_ = nullptr;
  bool timed_ = false;
  bool timed_out_ = false;
};

/// Pushes the table of all anchors, or nil (false) as long as there is none. It is no root for the
/// deadlock detector: what only a waiting fiber's anchor refers to, nobody else can reach.
bool push_anchors(lua_State* L);

/// Keeps the Lua value at `index` alive: for waits that need their object after it left the stack.
class Anchor {
 public:
  /// May raise `not enough memory`.
  Anchor(lua_State* L, int index);
  ~Anchor();
  Anchor(const Anchor&) = delete;
  Anchor& operator=(const Anchor&) = delete;

  void push(lua_State* L) const;

 private:
  lua_State* main_;
  int reference_;
};

/// The next number of an object that fibers wait for: what people see of it ("mutex 0x2").
[[nodiscard]] std::uint32_t next_object_number(lua_State* L);
/// "mutex 0x2".
[[nodiscard]] std::string object_label(const char* what, std::uint32_t number);
int push_object_label(lua_State* L, const char* what, std::uint32_t number);

/// An integer in `minimum..maximum` at `index`; EINVAL naming the argument for another number, also
/// for one with a fraction.
[[nodiscard]] std::uint64_t check_count(lua_State* L, int index, std::uint64_t minimum,
                                        std::uint64_t maximum);
inline constexpr std::uint64_t kMaxCount = std::uint64_t{1} << 53;

}  // namespace perilune::runtime
