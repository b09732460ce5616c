#pragma once

/// @file
/// Where workers come from: spares that are locked down already, else the launcher.

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <deque>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "host/launcher/async_launcher.hpp"
#include "host/supervisor/worker.hpp"
#include "runtime/base/deadline.hpp"

namespace perilune::host {

struct PoolConfig {
  std::size_t spares = 2;  ///< per class
  std::size_t max_workers = 1000;
  std::uint8_t links = 1;  ///< gateway threads
};

class WorkerPool {
 public:
  WorkerPool(boost::asio::io_context& loop, AsyncLauncher& launcher, PoolConfig config);

  /// Starts one worker, to see that it works, and then the fiber that makes spares for apps with
  /// default limits. Suspends. Fails as `acquire`.
  [[nodiscard]] Result<void> run(boost::asio::yield_context yield);
  /// No more spares; those that wait are killed.
  void stop();

  /// A worker of this class, which runs (`Worker::run`) and has nobody to report to. Suspends if no
  /// spare fits. Fails as `AsyncLauncher::spawn`, and with `overloaded` when there are too many.
  [[nodiscard]] Result<std::shared_ptr<Worker>> acquire(sandbox::WorkerClass worker_class,
                                                        Deadline deadline,
                                                        boost::asio::yield_context yield);
  /// Ends one spare to make room. False if there is none.
  bool drop_spare();

  [[nodiscard]] std::size_t spares() const noexcept;
  /// The layers that were measured on the last worker without JIT.
  [[nodiscard]] sandbox::Layers layers() const noexcept { return layers_; }
  [[nodiscard]] sandbox::Level level() const noexcept { return level_; }
  /// Processes that have not ended, spares included.
  [[nodiscard]] std::size_t alive();
  [[nodiscard]] bool any_ending() const;

 private:
  /// What a spare is good for: jit, threads, memory.
  using Key = std::tuple<bool, std::uint8_t, std::uint64_t>;
  struct Shelf {
    sandbox::WorkerClass worker_class;
    std::deque<std::shared_ptr<Worker>> workers;
  };
  void refill(boost::asio::yield_context yield);
  Shelf* lacking();
  std::shared_ptr<Worker> take_spare(const sandbox::WorkerClass& worker_class);
  Result<std::shared_ptr<Worker>> make(const sandbox::WorkerClass& worker_class, Deadline deadline,
                                       boost::asio::yield_context yield);
  static Key key_of(const sandbox::WorkerClass& worker_class);

  boost::asio::io_context& loop_;
  AsyncLauncher& launcher_;
  PoolConfig config_;
  std::map<Key, Shelf> shelves_;
  std::vector<std::weak_ptr<Worker>> all_;
  std::size_t making_ = 0;
  sandbox::Layers layers_;
  sandbox::Level level_ = sandbox::Level::None;
  Signal wanted_;
  bool running_ = false;
};

}  // namespace perilune::host
