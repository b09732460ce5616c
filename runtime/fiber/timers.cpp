#include "runtime/fiber/timers.hpp"

namespace perilune::runtime {

Timer::~Timer() {
  if (queue_ != nullptr) queue_->remove(*this);
}

void Timers::place(std::size_t index, const Entry& entry) noexcept {
  heap_[index] = entry;
  entry.timer->index_ = index;
}

void Timers::up(std::size_t index, const Entry& entry) noexcept {
  while (index > 0) {
    const std::size_t parent = (index - 1) / 2;
    if (!entry.before(heap_[parent])) break;
    place(index, heap_[parent]);
    index = parent;
  }
  place(index, entry);
}

void Timers::down(std::size_t index, const Entry& entry) noexcept {
  for (;;) {
    std::size_t child = 2 * index + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].before(heap_[child])) ++child;
    if (!heap_[child].before(entry)) break;
    place(index, heap_[child]);
    index = child;
  }
  place(index, entry);
}

void Timers::add(Timer& timer, Clock::time_point when) {
  heap_.push_back({});
  timer.queue_ = this;
  up(heap_.size() - 1, {when, order_++, &timer});
}

void Timers::remove(Timer& timer) noexcept {
  if (timer.queue_ != this) return;
  timer.queue_ = nullptr;
  const std::size_t index = timer.index_;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (last.timer == &timer) return;
  if (index > 0 && last.before(heap_[(index - 1) / 2])) {
    up(index, last);
  } else {
    down(index, last);
  }
}

void Timers::expire_until(Clock::time_point now) noexcept {
  while (!heap_.empty() && heap_.front().when <= now) {
    Timer& timer = *heap_.front().timer;
    remove(timer);
    timer.expire();
  }
}

std::optional<Timers::Clock::time_point> Timers::next() const noexcept {
  if (heap_.empty()) return std::nullopt;
  return heap_.front().when;
}

}  // namespace perilune::runtime
