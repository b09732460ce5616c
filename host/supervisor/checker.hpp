#pragma once

/// @file
/// Uploads, looked at in throw-away workers: the host itself never opens one.

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "api/platform.hpp"
#include "host/supervisor/signal.hpp"
#include "host/supervisor/worker_pool.hpp"

namespace perilune::host {

/// At most `at_once` checks run, others wait in order of arrival.
class Checker {
 public:
  /// `make_room` stops an idle app, or says that there is none (Supervisor).
  Checker(boost::asio::io_context& loop, WorkerPool& pool, std::size_t at_once,
          std::function<bool()> make_room)
      : loop_{loop}, pool_{pool}, at_once_{at_once}, make_room_{std::move(make_room)} {}

  /// `api::Platform::check`. The dry start runs under default limits; if it fails under them and
  /// the bundle's manifest asks for more (within `ceiling`), once more under the manifest's.
  [[nodiscard]] Result<api::CheckReport> check(const api::AppKey& key, const api::Upload& upload,
                                               const Limits& ceiling, bool jit,
                                               boost::asio::yield_context yield);
  /// Who waits is refused, who comes is, too.
  void stop();

 private:
  [[nodiscard]] Result<std::shared_ptr<Worker>> acquire(const sandbox::WorkerClass& worker_class,
                                                        boost::asio::yield_context yield);
  Result<api::CheckReport> run(const api::AppKey& key, const api::Upload& upload,
                               const Limits& limits, const Limits& ceiling, bool jit,
                               boost::asio::yield_context yield);

  boost::asio::io_context& loop_;
  WorkerPool& pool_;
  std::size_t at_once_;
  std::function<bool()> make_room_;
  std::size_t running_ = 0;
  bool stopped_ = false;
  Signal freed_;
};

}  // namespace perilune::host
