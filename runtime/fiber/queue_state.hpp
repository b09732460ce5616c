#pragma once

/// @file
/// A bounded queue of Lua values: where they are, who waits for one, who waits for room.

#include <cstdint>
#include <string>

#include "runtime/fiber/wait_queue.hpp"

namespace perilune::runtime {

class PopWait;
class PushWait;

/// The queue's userdata. The values are in its environment table, a ring of `capacity` places, so
/// the garbage collector sees them.
///
/// While a fiber waits for room the ring is full. A fiber that was woken because there is a value
/// has one of them `reserved` until it runs and takes the oldest one.
class QueueState {
 public:
  static constexpr std::uint64_t kMaxCapacity = 1'000'000'000;

  QueueState(std::uint32_t capacity, std::uint32_t number) noexcept
      : capacity_{capacity}, number_{number} {}

  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  /// Values that nobody has been woken for.
  [[nodiscard]] std::uint32_t available() const noexcept { return size_ - reserved_; }
  [[nodiscard]] bool full() const noexcept { return size_ == capacity_; }
  /// "queue 0x2, 3 of 8 values".
  [[nodiscard]] std::string describe() const;

  /// Puts the value at `value` last and wakes who waits for one. `queue`: index of this userdata.
  /// There must be room. May raise `not enough memory`; then nothing has changed.
  void push(lua_State* L, int queue, int value);
  /// Pushes the oldest value (available or reserved) onto `L`, and lets in who waits for room.
  /// Raises nothing if there are 4 free stack slots.
  void pop(lua_State* L, int queue);
  /// Nothing comes in any more: wakes everybody.
  void close() noexcept;

 private:
  friend class PopWait;
  friend class PushWait;
  void serve() noexcept;

  WaitQueue pushers_;
  WaitQueue poppers_;
  std::uint32_t capacity_;
  std::uint32_t number_;
  std::uint32_t head_ = 0;  ///< place of the oldest value
  std::uint32_t size_ = 0;
  std::uint32_t reserved_ = 0;
  bool closed_ = false;
};

/// Waits for room. Results: nothing; with a time limit, whether the value was put in.
class PushWait final : public Waiter {
 public:
  /// The value at `index`. May raise.
  PushWait(lua_State* L, QueueState& queue, int index, const char* name);
  [[nodiscard]] const char* name() const noexcept override { return name_; }
  [[nodiscard]] std::string resource() const override { return queue_->describe(); }
  [[nodiscard]] const void* object() const noexcept override { return queue_; }
  int finish(lua_State* L) override;

 private:
  friend class QueueState;
  void wake() noexcept;

  QueueState* queue_;
  Anchor value_;
  const char* name_;
  bool taken_ = false;
};

/// What a pop gives: the value; whether there was one, and the value; what a loop expects.
enum class PopResult : std::uint8_t { Value, Found, Item };

class PopWait final : public Waiter {
 public:
  /// `index` of the queue's userdata. May raise.
  PopWait(lua_State* L, QueueState& queue, int index, const char* name, PopResult result);
  ~PopWait() override;
  PopWait(const PopWait&) = delete;
  PopWait& operator=(const PopWait&) = delete;
  [[nodiscard]] const char* name() const noexcept override { return name_; }
  [[nodiscard]] std::string resource() const override { return queue_->describe(); }
  [[nodiscard]] const void* object() const noexcept override { return queue_; }
  int finish(lua_State* L) override;

 private:
  friend class QueueState;
  void wake() noexcept;

  QueueState* queue_;
  Anchor userdata_;
  const char* name_;
  PopResult result_;
  bool reserved_ = false;
};

/// What a pop does without waiting, if it can: pushes its results and returns their number, else
/// -1. Raises `channel_closed` if the queue is closed and empty.
int pop_now(lua_State* L, QueueState& queue, int index, PopResult result);
[[noreturn]] void raise_queue_closed(lua_State* L);

}  // namespace perilune::runtime
