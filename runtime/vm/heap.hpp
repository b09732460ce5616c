#pragma once

/// @file
/// A VM's memory account: an arena, what is charged against the limit, and when to collect garbage.

#include <cstddef>
#include <cstdint>
#include <utility>

#include "runtime/vm/arena.hpp"

namespace perilune::runtime {

/// LuaJIT fails an allocation without collecting first. So there is a soft mark: whoever passes it
/// sets `wants_collection()` and calls `on_pressure`, which arranges for a full collection at the
/// next instruction. The account is of requested bytes, to the byte. Not thread-safe.
class Heap {
 public:
  /// Lent to a collection, so that it can run when the account is full.
  static constexpr std::size_t kHeadroom = 1024 * 1024;

  /// `on_pressure(context)` is called inside an allocation: it may only set flags and hooks.
  Heap(std::size_t limit, void (*on_pressure)(void*), void* context) noexcept
      : arena_{2 * limit + 4 * kHeadroom},
        limit_{limit},
        on_pressure_{on_pressure},
        context_{context} {}

  [[nodiscard]] bool valid() const noexcept { return arena_.valid(); }
  /// lua_Alloc's contract.
  void* reallocate(void* block, std::size_t from, std::size_t to) noexcept;
  /// Bytes that live elsewhere but belong to this VM.
  [[nodiscard]] bool charge(std::size_t bytes) noexcept;
  void uncharge(std::size_t bytes) noexcept { used_ -= bytes; }

  /// From now on the limit holds; false if it is already exceeded.
  [[nodiscard]] bool enforce() noexcept;
  /// From now on frees do nothing: the arena goes as a whole.
  void abandon() noexcept { abandoned_ = true; }

  [[nodiscard]] bool wants_collection() const noexcept { return wants_collection_; }
  /// True if an allocation failed since the last collection.
  [[nodiscard]] bool exhausted() const noexcept { return exhausted_; }
  /// True once after an allocation failed, whatever was collected since.
  [[nodiscard]] bool take_failure() noexcept { return std::exchange(failed_, false); }
  void begin_collection() noexcept;
  /// Sets the next mark half way between what is alive and the limit.
  void end_collection() noexcept;

  /// Makes the `number`-th growth of the account from now fail, once: for tests of what happens
  /// then. 0: never mind.
  void inject_failure(std::uint64_t number) noexcept;

  /// Growths to come until the injected failure.
  [[nodiscard]] std::uint64_t countdown() const noexcept { return countdown_; }

  [[nodiscard]] std::size_t used() const noexcept { return used_; }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }

 private:
  [[nodiscard]] bool fits(std::size_t more) noexcept;
  [[nodiscard]] bool over(std::size_t more) noexcept;
  void set_ceiling(std::size_t bytes) noexcept {
    (countdown_ > 0 ? real_ceiling_ : ceiling_) = bytes;
  }
  void fail() noexcept;
  void press() noexcept;

  Arena arena_;
  std::size_t used_ = 0;
  std::size_t limit_;
  std::size_t ceiling_ = static_cast<std::size_t>(-1);  ///< limit and headroom, once enforced
  std::size_t mark_ = static_cast<std::size_t>(-1);
  std::uint64_t countdown_ = 0;   ///< to an injected failure; the ceiling is 0 meanwhile
  std::size_t real_ceiling_ = 0;  ///< while there is a countdown
  bool wants_collection_ = false;
  bool exhausted_ = false;
  bool failed_ = false;
  bool collecting_ = false;
  bool abandoned_ = false;
  void (*on_pressure_)(void*);
  void* context_;
};

}  // namespace perilune::runtime
