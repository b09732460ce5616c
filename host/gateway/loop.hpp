#pragma once

/// @file
/// One gateway thread's event loop: edge-triggered epoll and a mailbox.
///
/// It exists beside Asio because the gateway's cost per request is counted in system calls: each
/// descriptor is registered once, a turn handles every ready descriptor, and what the turn produced
/// is written once at its end.

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <vector>

#include "runtime/base/unique_fd.hpp"

struct epoll_event;

namespace perilune::host {

/// Something with a descriptor in the loop.
class Source {
 public:
  /// `events` as of epoll_wait(2).
  virtual void on_ready(std::uint32_t events) = 0;

 protected:
  ~Source() = default;
};

class Loop {
 public:
  /// Throws std::system_error when the kernel refuses.
  Loop();

  /// `source` must live until the turn after `fd` was removed or closed has ended.
  /// False when the kernel refuses (errno).
  [[nodiscard]] bool add(int fd, std::uint32_t events, Source& source) noexcept;
  void modify(int fd, std::uint32_t events, Source& source) noexcept;
  void remove(int fd) noexcept;

  /// Waits up to `timeout_ms` (-1: for ever), sets `now`, calls every ready source, then what was
  /// posted. Returns how many descriptors were ready (negative: interrupted).
  int turn(int timeout_ms, std::chrono::steady_clock::time_point& now);
  /// Thread-safe. Runs `work` on the loop's thread, in order.
  void post(std::function<void()> work);

 private:
  UniqueFd epoll_;
  UniqueFd wake_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  std::atomic<bool> has_posted_{false};
};

}  // namespace perilune::host
