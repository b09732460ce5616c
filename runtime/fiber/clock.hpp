#pragma once

/// @file
/// What time it is for the scripts of a VM: the one place where clocks are made coarse.
///
/// The engine shows the machine's clocks. A hosted VM shows them
///  * rounded down to whole milliseconds, at edges that differ from VM to VM,
///  * frozen while a slice runs: what it reads is what the slice began with,
///  * and its steady clock counts from its own beginning,
/// so that code of a tenant can time neither itself nor its neighbours closely. Timers fire at
/// edges too, never before the moment that was asked for.

#include <chrono>
#include <cstdint>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Where the time comes from. Tests put their own.
class ClockSource {
 public:
  virtual ~ClockSource() = default;
  [[nodiscard]] virtual std::chrono::steady_clock::time_point steady() const noexcept {
    return std::chrono::steady_clock::now();
  }
  [[nodiscard]] virtual std::chrono::system_clock::time_point system() const noexcept {
    return std::chrono::system_clock::now();
  }
  /// The machine's.
  [[nodiscard]] static const ClockSource& real() noexcept;
};

/// The clocks of one VM. VM's thread.
class VmClock {
 public:
  using Steady = std::chrono::steady_clock;
  using System = std::chrono::system_clock;
  using Span = std::chrono::nanoseconds;

  /// What a coarse clock's values are multiples of.
  static constexpr Span kTick = std::chrono::milliseconds{1};
  /// No wait is longer; who asks for more waits so long.
  static constexpr Span kLongest = std::chrono::hours{24 * 365 * 10};

  /// `seed` chooses a coarse clock's edges.
  VmClock(bool coarse, std::uint64_t seed) noexcept;

  /// The clock of the VM that `L` belongs to.
  [[nodiscard]] static VmClock& of(lua_State* L) noexcept;

  /// From now on time comes from `source`, which outlives this.
  void use(const ClockSource& source) noexcept;

  /// A slice begins: coarse clocks move on to now, which is returned.
  Steady::time_point begin_slice() noexcept;
  /// The thread's CPU time at that moment, which a VM that runs has measured anyway.
  void set_cpu(Span used) noexcept { slice_cpu_ = used; }

  // -- what scripts see: times since the clock's epoch

  [[nodiscard]] Span steady() const noexcept;
  [[nodiscard]] Span system() const noexcept;
  /// CPU time of the thread when the slice began.
  [[nodiscard]] Span cpu() const noexcept;

  // -- when to wake who waits

  [[nodiscard]] Steady::time_point machine_now() const noexcept { return source_->steady(); }
  /// What `steady()` will show, at least, when `span` has passed.
  [[nodiscard]] Span steady_after(Span span) const noexcept;
  /// When `span` will have passed, by the machine's clock and by what scripts see.
  [[nodiscard]] Steady::time_point due_after(Span span) const noexcept;
  /// When `steady()` will have reached `time`.
  [[nodiscard]] Steady::time_point due_steady(Span time) const noexcept;
  /// When `system()` will have reached `time`, if nobody sets the clock meanwhile.
  [[nodiscard]] Steady::time_point due_system(Span time) const noexcept;

 private:
  [[nodiscard]] Span quantized(Span time) const noexcept;
  [[nodiscard]] Steady::time_point due(Span from, Span to, Steady::time_point now) const noexcept;

  const ClockSource* source_;
  bool coarse_;
  Span phase_;                ///< where the edges are: 0 … kTick
  Steady::time_point base_;   ///< where the steady clock of scripts begins
  Steady::time_point slice_;  ///< when the slice began
  Span slice_cpu_{0};
  mutable Span slice_system_{0};  ///< the system clock then, once somebody asked
  mutable bool has_system_ = false;
};

}  // namespace perilune::runtime
