#include "runtime/fiber/clock.hpp"

#include <algorithm>

#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

using Span = VmClock::Span;

Span round_down(Span time) noexcept {
  const Span rest = time % VmClock::kTick;
  return rest.count() < 0 ? time - rest - VmClock::kTick : time - rest;
}

Span round_up(Span time) noexcept {
  const Span down = round_down(time);
  return down == time ? time : down + VmClock::kTick;
}

/// splitmix64: seeds may be near each other, edges must not be.
std::uint64_t mixed(std::uint64_t seed) noexcept {
  seed = (seed ^ (seed >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  seed = (seed ^ (seed >> 27U)) * 0x94D049BB133111EBULL;
  return seed ^ (seed >> 31U);
}

}  // namespace

const ClockSource& ClockSource::real() noexcept {
  static const ClockSource source;
  return source;
}

VmClock& VmClock::of(lua_State* L) noexcept { return Vm::Impl::of(L).clock; }

VmClock::VmClock(bool coarse, std::uint64_t seed) noexcept
    : source_{nullptr},
      coarse_{coarse},
      phase_{static_cast<Span::rep>(mixed(seed + 0x9E3779B97F4A7C15ULL) %
                                    static_cast<std::uint64_t>(kTick.count()))} {
  use(ClockSource::real());
}

void VmClock::use(const ClockSource& source) noexcept {
  source_ = &source;
  if (coarse_) base_ = source.steady() - phase_;
  begin_slice();
}

VmClock::Steady::time_point VmClock::begin_slice() noexcept {
  slice_ = source_->steady();
  has_system_ = false;
  return slice_;
}

Span VmClock::quantized(Span time) const noexcept {
  return coarse_ ? round_down(time - phase_) : time;
}

Span VmClock::steady() const noexcept {
  if (!coarse_) return source_->steady().time_since_epoch();
  return round_down(slice_ - base_);  // the phase is in the base
}

Span VmClock::system() const noexcept {
  if (!coarse_) return source_->system().time_since_epoch();
  if (!has_system_) {
    // What it was when the slice began: less what has passed since.
    slice_system_ = source_->system().time_since_epoch() - (source_->steady() - slice_);
    has_system_ = true;
  }
  return quantized(slice_system_);
}

Span VmClock::cpu() const noexcept { return std::max(quantized(slice_cpu_), Span{0}); }

/// `from` is the clock's value at `now`; both near the present, `to` anywhere.
VmClock::Steady::time_point VmClock::due(Span from, Span to,
                                         Steady::time_point now) const noexcept {
  if (to <= from) return now;
  // The difference of far values may not fit: halves do.
  if (to / 2 - from / 2 > kLongest / 2) return now + kLongest;
  if (coarse_) to = round_up(to);
  return now + (to - from);
}

VmClock::Steady::time_point VmClock::due_after(Span span) const noexcept {
  const auto now = source_->steady();
  if (span <= Span{0}) return now;
  const Span from = now - base_;
  return due(from, from + std::min(span, kLongest), now);
}

Span VmClock::steady_after(Span span) const noexcept {
  const Span from = source_->steady() - base_;
  if (span <= Span{0}) return from;
  const Span to = from + std::min(span, kLongest);
  return coarse_ ? round_up(to) : to;
}

VmClock::Steady::time_point VmClock::due_steady(Span time) const noexcept {
  const auto now = source_->steady();
  return due(now - base_, time, now);
}

VmClock::Steady::time_point VmClock::due_system(Span time) const noexcept {
  const Span shown = source_->system().time_since_epoch() - (coarse_ ? phase_ : Span{0});
  return due(shown, time, source_->steady());
}

}  // namespace perilune::runtime
