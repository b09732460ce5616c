#pragma once

/// @file
/// The launcher as the control thread's fibers see it.

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/spawn.hpp>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "host/supervisor/signal.hpp"
#include "runtime/base/deadline.hpp"
#include "runtime/base/result.hpp"
#include "sandbox/launcher.hpp"

namespace perilune::host {

/// Reads the launcher's events on `loop` from `run` to `stop`. One thread.
class AsyncLauncher {
 public:
  using OnExit = std::function<void(const sandbox::WorkerExited&)>;

  AsyncLauncher(boost::asio::io_context& loop, sandbox::LauncherClient client);
  ~AsyncLauncher();
  AsyncLauncher(const AsyncLauncher&) = delete;
  AsyncLauncher& operator=(const AsyncLauncher&) = delete;

  /// Starts the reading fiber. `on_gone` is called once when the launcher is gone: the host must
  /// stop.
  void run(std::function<void()> on_gone);
  /// Ends it; who waits in `spawn` gets `launcher_gone`.
  void stop();

  /// A worker that is locked down. Suspends. Fails with `isolation_failed` (the detail names the
  /// step), `overloaded` (no answer by `deadline`) or `launcher_gone`.
  [[nodiscard]] Result<sandbox::SpawnedWorker> spawn(const sandbox::WorkerClass& worker_class,
                                                     Deadline deadline,
                                                     boost::asio::yield_context yield);
  /// SIGKILL to that worker; what `watch` was given follows.
  void kill(std::uint32_t slot, pid_t pid);
  /// Calls `on_exit` when the worker in this slot has ended, once. Call right after `spawn`: an end
  /// that came before is reported then.
  void watch(std::uint32_t slot, OnExit on_exit);

  [[nodiscard]] bool alive() const noexcept { return alive_; }

 private:
  struct Pending {
    std::optional<Result<sandbox::SpawnedWorker>> answer;
    bool abandoned = false;
  };
  void read_events(boost::asio::yield_context yield);
  void handle(sandbox::LauncherEvent event);
  void gone();
  Result<std::uint32_t> request(const sandbox::WorkerClass& worker_class, Deadline deadline,
                                boost::asio::yield_context yield);

  boost::asio::io_context& loop_;
  sandbox::LauncherClient client_;
  boost::asio::posix::stream_descriptor readable_;
  std::function<void()> on_gone_;
  std::map<std::uint32_t, Pending> pending_;
  std::unordered_map<std::uint32_t, OnExit> watched_;
  std::unordered_map<std::uint32_t, sandbox::WorkerExited> early_exits_;
  Signal changed_;
  bool alive_ = true;
};

}  // namespace perilune::host
