#pragma once

/// @file
/// One request on its way through: let in, sent to a worker, answered.
///
/// Everything that a client or a worker can do at any moment comes together here; what has happened
/// is kept in flags, and `run` (the connection's fiber) decides after every wake-up.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "host/gateway/apps.hpp"
#include "host/gateway/connection.hpp"
#include "host/gateway/worker_link.hpp"
#include "host/http1/chunks.hpp"
#include "host/http1/head_parser.hpp"
#include "host/http1/response.hpp"

namespace perilune::host {

/// What the exchange needs of a request beside its head.
struct ExchangeInput {
  http1::RequestHead* head = nullptr;
  std::size_t head_size = 0;  ///< at the front of the connection's input; stays there meanwhile
  std::uint64_t id_high = 0;
  std::uint64_t id_low = 0;
  std::string_view id;  ///< 32 hex digits
  std::shared_ptr<const AppRoute> route;
  App* app = nullptr;
};

class Exchange final : private StreamClient, private Waiter, private OutputListener {
 public:
  Exchange(ThreadState& state, Connection& connection, const ExchangeInput& input);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  /// Suspends until the request is answered, or can't be. True: the connection may carry another
  /// one. The caller has consumed nothing; on return head and body are consumed, as far as read.
  [[nodiscard]] bool run();
  /// The whole request body was read from the client.
  [[nodiscard]] bool body_read() const noexcept { return body_done_; }

 private:
  // -- fiber (exchange.cpp) ---------------------------------------------------------------------
  [[nodiscard]] bool let_in();
  [[nodiscard]] WorkerLink* worker();
  [[nodiscard]] bool dispatch();
  void open(WorkerLink& link);
  [[nodiscard]] bool settle();
  [[nodiscard]] bool progress();
  [[nodiscard]] bool may_retry() const noexcept;
  [[nodiscard]] TimePoint next_deadline() const noexcept;
  [[nodiscard]] bool overdue();
  void end(Outcome outcome);
  void fail(const ErrorCode& row, Outcome outcome, std::string_view detail = {});
  void give_up();
  void close_account();

  // -- request body (exchange_body.cpp) -----------------------------------------------------------
  [[nodiscard]] bool pump_body();
  void pump_length(std::string_view bytes);
  void pump_chunks(std::string_view bytes, bool from_input);
  [[nodiscard]] bool discard_body();

  // -- what the worker says (exchange_response.cpp) ----------------------------------------------
  void on_continue() override;
  void on_response(const link::ResponseHead& head, link::View body, bool end) override;
  void on_data(link::View body, bool end) override;
  void on_trailers(const std::vector<link::Header>& trailers) override;
  void on_body_credit(std::uint32_t bytes) override;
  void on_done(const link::Done& done) override;
  void on_lost() override;
  void on_written(std::size_t left) override;
  void wake() override { connection_.wake(); }
  [[nodiscard]] http1::Framing framing(const link::ResponseHead& head, std::size_t size, bool end);
  void append_body(link::View body);
  void complete();
  [[nodiscard]] http1::Envelope envelope();

  ThreadState& state_;
  Connection& connection_;
  std::size_t head_size_;
  http1::RequestHead& head_;  ///< views die once body bytes were put back into the input
  std::uint64_t id_high_;
  std::uint64_t id_low_;
  std::string_view id_;
  std::shared_ptr<const AppRoute> route_;
  App& app_;
  Ticket ticket_;
  WorkerLink* link_ = nullptr;
  std::uint32_t stream_ = 0;
  TimePoint start_;
  TimePoint deadline_;
  TimePoint body_deadline_ = TimePoint::max();
  TimePoint idle_deadline_ = TimePoint::max();

  std::optional<http1::ChunkDecoder> chunks_;
  std::uint64_t body_left_ = 0;  ///< of a body of known length
  std::uint32_t credit_ = 0;     ///< request body bytes that the worker takes now
  http1::Framing framing_;
  std::size_t owed_credit_ = 0;  ///< response body bytes taken and not given back
  link::Done done_;
  http1::Refusal refusal_;  ///< of the request's body
  std::string_view fault_;  ///< why the app's response is no response

  bool html_;
  bool head_only_;
  bool version_1_0_;
  bool idempotent_;
  bool expects_continue_;
  bool keep_alive_;
  bool continued_ = false;
  bool body_started_ = false;  ///< a byte of it went to a worker
  bool body_done_ = false;
  bool head_sent_ = false;
  bool response_done_ = false;
  bool stream_done_ = false;
  bool lost_ = false;
  bool retried_ = false;
  bool failed_ = false;
};

}  // namespace perilune::host
