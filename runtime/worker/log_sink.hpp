#pragma once

/// @file
/// What an app prints, as bounded Log frames: rate, bytes per invocation and line, and a socket
/// that does not take more. Drops are counted and announced in the next record.

#include <chrono>
#include <cstdint>
#include <string>

#include "runtime/limits.hpp"
#include "runtime/vm/vm.hpp"
#include "runtime/worker/port.hpp"

namespace perilune::worker {

class LogSink {
 public:
  using Clock = std::chrono::steady_clock;

  /// Bytes that may wait for the control link; more is dropped.
  static constexpr std::size_t kMaxQueued = 512 * 1024;

  explicit LogSink(Port& control) noexcept : control_{control} {}

  void configure(const Limits& limits, Clock::time_point now) noexcept;
  /// A line of the app's. Never throws into the VM: what does not fit is dropped and counted.
  void write(const runtime::LogLine& line, Clock::time_point now) noexcept;
  /// The runtime's own record about the app; not metered by rate.
  void announce(link::LogLevel level, const runtime::Invocation* invocation,
                std::string_view message) noexcept;

  [[nodiscard]] std::uint32_t dropped() const noexcept { return dropped_; }

 private:
  [[nodiscard]] bool take_token(Clock::time_point now) noexcept;
  void send(link::LogRecord& record) noexcept;
  void drop() noexcept;

  Port& control_;
  Limits limits_;
  double tokens_ = 0;
  Clock::time_point refilled_{};
  std::uint32_t dropped_ = 0;
  std::string cut_;  ///< a line that had to be shortened
};

}  // namespace perilune::worker
