/// perilune-worker: the process that runs one app's Lua code. Everything that may not happen behind
/// the sandbox's wall happens here, in order, before `lockdown`.

#include <sys/epoll.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "runtime/vm/slice_timer.hpp"
#include "runtime/worker/worker.hpp"
#include "sandbox/lockdown.hpp"

namespace {

using perilune::UniqueFd;
using perilune::worker::ExitCode;

constexpr int kControl = 3;
constexpr int kFirstLink = 4;
/// CPU time after which a VM hands its thread back to the loop: the default of `slice_ms`.
constexpr std::chrono::milliseconds kSlice{10};

int exit_status(ExitCode code) { return static_cast<int>(code); }

/// What libraries do on first use and could not do later: the unwinder's tables, the clock's page.
void prime() {
  try {
    throw std::runtime_error{"once"};
  } catch (const std::runtime_error&) {
  }
  std::timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::tm utc{};
  static_cast<void>(::gmtime_r(&now.tv_sec, &utc));
}

[[noreturn]] void work() {
  const perilune::sandbox::Boot boot = perilune::sandbox::read_boot();
  auto timer = perilune::runtime::SliceTimer::create(kSlice);
  UniqueFd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  if (!timer || !epoll) ::_exit(exit_status(ExitCode::Isolation));
  prime();

  perilune::worker::Worker::Sockets sockets;
  sockets.control = UniqueFd{kControl};
  for (int i = 0; i < boot.links; ++i) sockets.links.emplace_back(kFirstLink + i);
  sockets.epoll = std::move(epoll);
  perilune::worker::Worker worker{std::move(sockets), &*timer, boot.jit != 0};
  perilune::sandbox::lockdown(boot);
  // No destructors: what they would give back (a timer, threads) the filter no longer lets go.
  ::_exit(exit_status(worker.run()));
}

}  // namespace

int main() {
  try {
    work();
  } catch (...) {
    // A bug or no memory: the exit status is all that can still be said.
  }
  ::_exit(exit_status(ExitCode::Internal));
}
