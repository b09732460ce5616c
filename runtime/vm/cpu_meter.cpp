#include "runtime/vm/cpu_meter.hpp"

#include <algorithm>
#include <utility>

#include "runtime/vm/slice_timer.hpp"

namespace perilune::runtime {

using std::chrono::nanoseconds;

void CpuMeter::start() noexcept {
  running_ = true;
  cpu_ = thread_cpu();
  started_ = cpu_;
  since_ = Clock::now();
  measured_ = nanoseconds{0};
}

void CpuMeter::stop() noexcept {
  settle();
  running_ = false;
}

void CpuMeter::mark() noexcept {
  const auto now = Clock::now();
  const nanoseconds passed = now - since_;
  since_ = now;
  measured_ += passed;
  if (current_ == nullptr || passed.count() <= 0) return;
  if (current_->measured_.count() == 0) {
    current_->touched_ = touched_;
    touched_ = current_;
  }
  current_->measured_ += passed;
}

void CpuMeter::change(Invocation* invocation) noexcept {
  if (running_) mark();
  current_ = invocation;
}

void CpuMeter::settle() noexcept {
  if (!running_) return;
  mark();
  const nanoseconds now = thread_cpu();
  const auto used = static_cast<double>((now - cpu_).count());
  const double scale =
      measured_.count() > 0 ? std::min(1.0, used / static_cast<double>(measured_.count())) : 0;
  for (Invocation* one = std::exchange(touched_, nullptr); one != nullptr;) {
    const auto share = std::exchange(one->measured_, nanoseconds{0});
    one->charge(
        nanoseconds{static_cast<nanoseconds::rep>(static_cast<double>(share.count()) * scale)});
    one = std::exchange(one->touched_, nullptr);
  }
  cpu_ = now;
  measured_ = nanoseconds{0};
}

void CpuMeter::close(Invocation& invocation) noexcept {
  constexpr nanoseconds kTrusted = std::chrono::microseconds{500};
  if (current_ == &invocation) change(nullptr);
  // The kernel may have run somebody else meanwhile; that shows only in what took long.
  if (invocation.measured_ > kTrusted) settle();
  if (invocation.measured_.count() == 0) return;
  Invocation** link = &touched_;
  while (*link != &invocation) link = &(*link)->touched_;
  *link = std::exchange(invocation.touched_, nullptr);
  const nanoseconds share = std::exchange(invocation.measured_, nanoseconds{0});
  invocation.charge(share);
  // Its share has been given out: neither the measured nor the real total contains it any more.
  measured_ -= share;
  cpu_ += share;
}

}  // namespace perilune::runtime
