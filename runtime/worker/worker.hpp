#pragma once

/// @file
/// The worker process's event loop: sockets to the host on one side, an app on the other.
///
/// Single-threaded. Each turn takes what has arrived, runs the app for at most one slice, and sends
/// everything that came of it with one system call per socket. While an app is busy the sockets are
/// looked at between its slices, so a ping is answered within about two of them.

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/base/unique_fd.hpp"
#include "runtime/link/session.hpp"
#include "runtime/worker/app.hpp"
#include "runtime/worker/check.hpp"
#include "runtime/worker/exit_code.hpp"
#include "runtime/worker/log_sink.hpp"
#include "runtime/worker/port.hpp"

namespace perilune::runtime {
class SliceTimer;
}

namespace perilune::worker {

class Worker {
 public:
  struct Sockets {
    UniqueFd control;
    std::vector<UniqueFd> links;
    UniqueFd epoll;  ///< made before the sandbox closed
  };

  /// Datagrams that one socket may bring in one turn.
  static constexpr int kMaxDatagrams = 4;

  /// `timer` may be nullptr (then nothing is preempted); outlives the worker. `jit`: code may be
  /// compiled; a Configure that asks for more is a violation.
  Worker(Sockets sockets, runtime::SliceTimer* timer, bool jit);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Says Ready and works until the end.
  [[nodiscard]] ExitCode run();

  // -- the same in pieces, for tests ------------------------------------------------------------
  void say_ready();
  /// One turn, which waits at most so long for something to happen. The exit code when it is over.
  [[nodiscard]] std::optional<ExitCode> turn(std::chrono::milliseconds most_wait);

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] int wait_time(std::chrono::milliseconds most_wait) const;
  void watch(Port& port, std::uint32_t tag);
  void rewatch(Port& port, std::uint32_t tag);
  void receive(std::uint32_t tag);
  void on_control(const link::Frame& frame);
  void on_requests(RequestPort& port, const link::Frame& frame);
  void configure(const link::Configure& configure);
  void add_env(const std::vector<link::Header>& env);
  void on_file(const link::Frame& frame);
  void on_start();
  void on_ping(const link::Frame& frame);
  void on_inspect(const link::Frame& frame);
  void work();
  void start_app(AppConfig config, Files files);
  void run_app();
  void report(const StartResult& result);
  void mourn();
  void gather();
  void flush(Port& port, std::uint32_t tag);
  void end(ExitCode code) noexcept;
  [[nodiscard]] bool all_sent() const noexcept;

  Port control_;
  std::vector<std::unique_ptr<RequestPort>> links_;
  UniqueFd epoll_;
  runtime::SliceTimer* timer_;
  bool jit_;
  std::vector<std::byte> buffer_;

  link::BootLedger boot_;
  LogSink log_{control_};
  link::Job job_ = link::Job::Serve;
  AppConfig config_;
  Files files_;
  std::unique_ptr<Check> check_;
  std::unique_ptr<App> app_;
  std::uint64_t datagrams_ = 0;  ///< received so far
  bool started_ = false;         ///< Start came
  bool serving_ = false;
  bool stopping_ = false;
  std::optional<ExitCode> leaving_;  ///< the exit code once everything is sent
  std::optional<ExitCode> exit_;
};

}  // namespace perilune::worker
