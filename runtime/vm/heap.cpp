#include "runtime/vm/heap.hpp"

#include <algorithm>

namespace perilune::runtime {

void* Heap::reallocate(void* block, std::size_t from, std::size_t to) noexcept {
  if (to == 0) {
    if (block != nullptr && !abandoned_) {
      arena_.release(block, from);
      used_ -= from;
    }
    return nullptr;
  }
  if (block == nullptr) from = 0;
  if (to > from && !fits(to - from)) return nullptr;
  void* result = block == nullptr ? arena_.allocate(to) : arena_.resize(block, from, to);
  if (result == nullptr) {
    fail();
    return nullptr;
  }
  used_ += to - from;
  return result;
}

bool Heap::fits(std::size_t more) noexcept {
  if ((more > ceiling_ || used_ > ceiling_ - more) && over(more)) return false;
  if (used_ + more > mark_) press();
  return true;
}

/// Off the path of allocations that fit: true if this one really does not.
bool Heap::over(std::size_t more) noexcept {
  if (countdown_ > 0) {
    if (--countdown_ > 0 && more <= real_ceiling_ && used_ <= real_ceiling_ - more) return false;
    if (countdown_ == 0) ceiling_ = real_ceiling_;
  }
  fail();
  return true;
}

void Heap::inject_failure(std::uint64_t number) noexcept {
  if (countdown_ > 0) ceiling_ = real_ceiling_;
  countdown_ = number;
  real_ceiling_ = ceiling_;
  if (number > 0) ceiling_ = 0;
}

void Heap::fail() noexcept {
  exhausted_ = failed_ = true;
  press();
}

void Heap::press() noexcept {
  if (wants_collection_ || collecting_ || mark_ == static_cast<std::size_t>(-1)) return;
  wants_collection_ = true;
  on_pressure_(context_);
}

bool Heap::charge(std::size_t bytes) noexcept {
  if (!fits(bytes)) return false;
  used_ += bytes;
  return true;
}

bool Heap::enforce() noexcept {
  if (used_ > limit_) return false;
  set_ceiling(limit_);
  mark_ = std::max(limit_ / 10 * 8, used_ + (limit_ - used_) / 2);
  return true;
}

void Heap::begin_collection() noexcept {
  wants_collection_ = false;
  exhausted_ = false;
  collecting_ = true;
  set_ceiling(limit_ + kHeadroom);
}

void Heap::end_collection() noexcept {
  collecting_ = false;
  set_ceiling(limit_);
  const std::size_t left = used_ < limit_ ? limit_ - used_ : 0;
  mark_ = std::max(limit_ / 10 * 8, used_ + left / 2);
  // So near the limit another collection would find nothing: the next sign is a failed allocation.
  if (limit_ < mark_ + limit_ / 64) mark_ = limit_;
}

}  // namespace perilune::runtime
