#pragma once

/// @file
/// One worker process as the control thread sees it: its control link, its clocks, its end.

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/spawn.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/model.hpp"
#include "host/launcher/async_launcher.hpp"
#include "host/supervisor/exit_reason.hpp"
#include "host/supervisor/signal.hpp"
#include "runtime/base/result.hpp"
#include "runtime/link/session.hpp"
#include "sandbox/launcher.hpp"

namespace perilune::host {

/// What a worker reports on its control link, checked against the order of frames. Views are valid
/// during the call. Must not suspend.
class WorkerReports {
 public:
  virtual ~WorkerReports() = default;
  virtual void log(const link::LogRecord& record) = 0;
  virtual void file(const link::Chunk&) {}
  virtual void manifest(const link::ManifestEntry&) {}
  virtual void diagnostic(const link::Diagnostic&) {}
};

struct WorkerEnd {
  ExitReason reason = ExitReason::Exited;
  std::string detail;  ///< for logs: signal or status
};

/// Shared: its reading fiber and who uses it end at different times.
class Worker : public std::enable_shared_from_this<Worker> {
 public:
  using Clock = std::chrono::steady_clock;

  Worker(boost::asio::io_context& loop, AsyncLauncher& launcher, sandbox::SpawnedWorker spawned);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Starts reading the control link; it ends by itself when the process has.
  void run();
  /// Who hears of what the worker reports; nullptr: nobody. Must outlive the worker or be reset.
  void report_to(WorkerReports* reports) noexcept { reports_ = reports; }

  /// Sends configuration and files, then Start; suspends while the worker does not read. Fails with
  /// `worker_crashed` or `start_failed` (not ready in time).
  [[nodiscard]] Result<void> load(const link::Configure& configure,
                                  const std::vector<api::BundleFile>& files,
                                  Clock::time_point deadline, boost::asio::yield_context yield);
  /// Waits for Started. Fails with `start_failed` (the app says why), `wall_limit` or
  /// `worker_crashed`.
  [[nodiscard]] Result<link::Started> wait_started(Clock::time_point deadline,
                                                   boost::asio::yield_context yield);
  /// True when the process has ended and its control link is read out, before `deadline`.
  bool wait_end(Clock::time_point deadline, boost::asio::yield_context yield);

  /// Asks what its fibers are doing: JSON that nobody has checked, empty while there is no VM.
  /// Fails with `not_answering` or `vm_gone`. Who asks while an answer is on its way gets that one.
  [[nodiscard]] Result<std::string> inspect(Clock::time_point deadline,
                                            boost::asio::yield_context yield);

  void ping();
  void stop();                   ///< asks it to finish and exit
  void kill(ExitReason reason);  ///< the first reason counts

  [[nodiscard]] std::vector<UniqueFd> take_links() { return std::move(links_); }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] sandbox::Level level() const noexcept { return level_; }
  [[nodiscard]] sandbox::Layers layers() const noexcept { return layers_; }
  [[nodiscard]] const std::string& memory_file() const noexcept { return memory_file_; }
  [[nodiscard]] const std::optional<WorkerEnd>& end() const noexcept { return end_; }
  /// Killed, but the kernel has not said yet that it is gone.
  [[nodiscard]] bool ending() const noexcept { return killed_.has_value() && !end_; }
  [[nodiscard]] const std::optional<link::Pong>& pong() const noexcept { return pong_; }
  /// When the oldest ping that is not answered was sent, and the process's CPU time then.
  struct OpenPing {
    Clock::time_point sent;
    std::chrono::nanoseconds cpu{0};
  };
  [[nodiscard]] const std::optional<OpenPing>& open_ping() const noexcept { return open_ping_; }
  /// What the worker broke the protocol with, or empty.
  [[nodiscard]] std::string_view violation() const noexcept { return violation_; }

 private:
  enum class Phase : std::uint8_t { Loading, Started, Failed };
  void read(boost::asio::yield_context yield);
  bool read_datagrams();
  bool handle(const link::Frame& frame);
  void violate(std::string_view what);
  void exited(const sandbox::WorkerExited& exited);
  Result<void> send_all(Clock::time_point deadline, boost::asio::yield_context yield);
  Result<void> send_files(const std::vector<api::BundleFile>& files, Clock::time_point deadline,
                          boost::asio::yield_context yield);
  Result<void> wait_ready(Clock::time_point deadline, boost::asio::yield_context yield);
  void send_env(const link::Configure& configure, std::size_t first);

  boost::asio::io_context& loop_;
  AsyncLauncher& launcher_;
  std::uint32_t slot_;
  pid_t pid_;
  std::vector<UniqueFd> links_;
  sandbox::Layers layers_;
  sandbox::Level level_;
  std::string memory_file_;
  boost::asio::posix::stream_descriptor control_;
  link::ControlLedger ledger_;
  link::FrameBatch out_;
  std::vector<std::byte> buffer_;
  WorkerReports* reports_ = nullptr;
  Phase phase_ = Phase::Loading;
  link::Started started_;
  Failure failed_;
  std::optional<link::Pong> pong_;
  std::optional<OpenPing> open_ping_;
  std::uint64_t next_token_ = 1;
  std::uint64_t inspects_ = 0;   ///< Inspect frames sent; the last one's token
  std::uint64_t inspected_ = 0;  ///< answered; `inspection_` is the last answer
  std::string inspection_;
  std::string inspection_part_;
  std::optional<ExitReason> killed_;
  std::optional<WorkerEnd> end_;
  std::string violation_;
  bool closed_ = false;
  bool stopped_ = false;
  Signal changed_;
};

}  // namespace perilune::host
