#pragma once

/// @file
/// Requests from the link to the app's connections and back: the worker's side of every stream.
///
/// A request goes to the connection that became idle last (its fiber sits in `read_request`), else
/// to the handler that the entry file returned, else as a new connection to the app's acceptor.
/// Done is sent once the app is done with the request and the response is complete or nobody is
/// left who could complete it; or when the request was condemned and nothing of it is left. Fibers
/// that a request leaves behind go on under its budget and deadline; what they use counts as the
/// app's background too.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/limits.hpp"
#include "runtime/worker/log_sink.hpp"
#include "runtime/worker/stream.hpp"

namespace perilune::runtime {
class VirtualNetwork;
}

namespace perilune::worker {

class Gateway {
 public:
  using Clock = std::chrono::steady_clock;

  /// Requests beyond `concurrency` that may be here because a Done was on its way.
  static constexpr std::size_t kSlack = 16;

  Gateway(runtime::Vm& vm, runtime::VirtualNetwork& network, LogSink& log, const Limits& limits);
  /// The VM must be gone: its sockets own connections of this gateway.
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // -- frames that the port's ledger took -------------------------------------------------------
  /// The ledger's request. False: more than the host may have running.
  [[nodiscard]] bool on_request(RequestPort& port, const link::Frame& frame, Clock::time_point now);
  /// Body, Trailers, Cancel and Credit.
  void on_frame(RequestPort& port, const link::Frame& frame);

  // -- each turn --------------------------------------------------------------------------------
  /// Condemns what is beyond its deadline.
  void expire(Clock::time_point now);
  /// Sends Done for what is over.
  void settle();
  /// When `expire` has something to do.
  [[nodiscard]] Clock::time_point next_deadline() const noexcept { return next_deadline_; }
  [[nodiscard]] std::size_t running() const noexcept { return live_.size(); }
  /// Something of a request runs, be it after its Done.
  [[nodiscard]] bool busy() const noexcept { return !live_.empty() || !strays_.empty(); }
  /// Requests that the app's own loop was handed, since the last call.
  [[nodiscard]] std::uint32_t take_handed() noexcept { return std::exchange(handed_, 0); }
  /// The VM died: Done for all.
  void abandon(Outcome outcome);

  // -- the connections' side --------------------------------------------------------------------
  void idle(Connection& connection);
  void not_idle(Connection& connection) noexcept;
  /// The app is done with the stream: looked at by the next `settle`.
  void release(Stream& stream) noexcept;
  /// The connection lets go of the stream's memory.
  void detach(Stream& stream) noexcept;
  [[nodiscard]] runtime::Vm& vm() noexcept { return vm_; }
  [[nodiscard]] std::uint32_t window() const noexcept { return window_; }

 private:
  Stream& open(RequestPort& port, const link::Frame& frame, Clock::time_point now);
  void deliver(Stream& stream);
  void watch_fibers(Stream& stream);
  void on_error(Stream& stream, const std::string& error);
  [[nodiscard]] static bool is_over(const Stream& stream);
  [[nodiscard]] bool run_deferred(Stream& stream);
  void look_at(Stream& stream);
  void end_stray(Stream& stream);
  static void take_out(std::vector<Stream*>& from, const Stream& stream) noexcept;
  void start_handler(Stream& stream);
  void consider(Stream& stream) noexcept;
  void condemn(Stream& stream, Outcome outcome);
  void finish(Stream& stream, Outcome outcome);
  void recycle_if_free(Stream& stream) noexcept;
  [[nodiscard]] Outcome outcome_of(const Stream& stream);
  void on_body(Stream& stream, const link::Frame& frame);
  void on_trailers(Stream& stream, const std::vector<link::Header>& trailers);

  runtime::Vm& vm_;
  runtime::VirtualNetwork& network_;
  LogSink& log_;
  const Limits& limits_;
  std::uint32_t window_;
  std::vector<Connection*> idle_;  ///< the last one is used first: its caches are warm
  std::vector<std::unique_ptr<Stream>> all_;
  std::vector<Stream*> live_;    ///< without a Done
  std::vector<Stream*> strays_;  ///< with one, and with fibers
  std::vector<Stream*> spare_;
  std::vector<Stream*> candidates_;
  std::vector<Stream*> looked_at_;
  std::uint32_t handed_ = 0;
  Clock::time_point next_deadline_ = Clock::time_point::max();
};

}  // namespace perilune::worker
