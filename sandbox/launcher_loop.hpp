#pragma once

/// @file
/// The launcher's life after the fork: requests in, events out, children reaped, until the host has
/// exited.

#include <sys/signalfd.h>

#include <cstddef>
#include <deque>
#include <map>

#include "sandbox/protocol.hpp"
#include "sandbox/workshop.hpp"

namespace perilune::sandbox {

/// Spawns per second, as a bucket that holds one second's worth.
class SpawnRate {
 public:
  using Clock = std::chrono::steady_clock;
  explicit SpawnRate(std::uint32_t per_second) noexcept
      : per_second_{static_cast<double>(per_second)}, tokens_{per_second_} {}
  [[nodiscard]] bool take(Clock::time_point now) noexcept;

 private:
  double per_second_;
  double tokens_;
  std::optional<Clock::time_point> last_;
};

class LauncherLoop {
 public:
  /// Takes over signals: from here on they are read from a descriptor.
  LauncherLoop(Workshop& workshop, UniqueFd channel, pid_t host);
  /// Until the host has exited and every worker is reaped. @returns the exit status to end with.
  [[nodiscard]] int run();

 private:
  struct Outgoing {
    std::vector<std::byte> bytes;
    std::vector<UniqueFd> fds;
  };

  void wait_and_serve();
  [[nodiscard]] int timeout() const;
  void read_signals();
  void reap();
  void read_requests();
  void serve(const Request& request);
  void spawn(const Request& request);
  void refuse(std::uint32_t request, SpawnFailed failed);
  [[nodiscard]] std::optional<std::uint32_t> free_slot();
  void settle(Worker& worker);
  void hand_out(Worker& worker, const Passed& passed);
  void give_up(Worker& worker, SpawnFailed failed);
  void expire();
  void reaped(pid_t pid, int status);
  void send(LauncherEvent event, std::vector<UniqueFd> fds = {});
  void flush();
  void lose_host();
  void stop_host();
  void kill_all();
  void remove_groups();

  Workshop& workshop_;
  UniqueFd channel_;
  UniqueFd signals_;
  pid_t host_;
  std::optional<int> host_status_;
  std::map<std::uint32_t, Worker> workers_;  ///< by slot
  std::deque<Outgoing> outbox_;
  std::vector<WorkerCgroup> leftovers_;  ///< groups that were not empty yet
  SpawnRate rate_;
  std::uint32_t next_slot_ = 0;
  bool stalled_ = false;  ///< the last send failed for another reason than a full socket
};

}  // namespace perilune::sandbox
