#include "host/gateway/exchange.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "host/gateway/thread_state.hpp"

namespace perilune::host {
namespace {

bool is_idempotent(std::string_view method) noexcept {
  constexpr std::array<std::string_view, 6> kMethods{"GET",    "HEAD",    "PUT",
                                                     "DELETE", "OPTIONS", "TRACE"};
  return std::find(kMethods.begin(), kMethods.end(), method) != kMethods.end();
}

/// Requests that never reach a worker have no outcome of their own in the metrics.
Outcome outcome_of(std::string_view code) noexcept {
  return code == "crash_loop" || code == "start_failed" ? Outcome::WorkerCrashed
                                                        : Outcome::Overloaded;
}

}  // namespace

Exchange::Exchange(ThreadState& state, Connection& connection, const ExchangeInput& input)
    : state_{state},
      connection_{connection},
      head_size_{input.head_size},
      head_{*input.head},
      id_high_{input.id_high},
      id_low_{input.id_low},
      id_{input.id},
      route_{input.route},
      app_{*input.app},
      start_{state.now},
      deadline_{state.now + input.route->limits.duration(Limit::Wall)},
      html_{head_.accept.find("text/html") != std::string_view::npos},
      head_only_{head_.method == "HEAD"},
      version_1_0_{head_.version_1_0},
      idempotent_{is_idempotent(head_.method)},
      expects_continue_{head_.expect_continue},
      keep_alive_{head_.keep_alive && !state.draining} {
  const Limits& limits = route_->limits;
  if (head_.chunked) {
    chunks_.emplace(limits.raw(Limit::BodyStreamed), http1::HeadLimits{limits});
  } else {
    body_left_ = head_.content_length;
    body_done_ = body_left_ == 0;
  }
}

Exchange::~Exchange() {
  // Only an exception leaves something open.
  if (stream_ != 0 || ticket_.valid()) end(Outcome::Internal);
  connection_.listener = nullptr;
}

bool Exchange::run() {
  if (!chunks_ && body_left_ > route_->limits.raw(Limit::BodyStreamed)) {
    fail(error_code("body_too_large"), Outcome::BadRequest);
  } else if (let_in() && dispatch()) {
    connection_.listener = this;
    while (!settle()) {
      if (progress()) continue;
      if (overdue()) break;
      // What woke us is looked at in the next round, a deadline too.
      [[maybe_unused]] const bool in_time = connection_.wait(next_deadline());
    }
    connection_.listener = nullptr;
  }
  if (!failed_) close_account();
  return keep_alive_ && (body_done_ || (!failed_ && discard_body()));
}

/// Takes one of the app's places, perhaps after a wait in its queue.
bool Exchange::let_in() {
  switch (state_.apps.admit(app_, *route_, *this)) {
    case Apps::Admission::Full: fail(error_code("overloaded"), Outcome::Overloaded); return false;
    case Apps::Admission::Granted: granted = true; break;
    case Apps::Admission::Queued: break;
  }
  while (!granted && failure.empty() && !connection_.gone() && state_.now < deadline_) {
    [[maybe_unused]] const bool in_time = connection_.wait(deadline_);
  }
  state_.apps.leave(app_, *route_, *this);
  if (granted) {
    ticket_ = state_.apps.ticket(app_, route_, start_);
    ticket_.received = head_size_;
    return true;
  }
  give_up();
  return false;
}

/// Why the wait for a place or a worker ended without one.
void Exchange::give_up() {
  if (connection_.gone()) {
    fail(error_for(Outcome::Canceled), Outcome::Canceled);
  } else if (!failure.empty()) {
    fail(error_code(failure), outcome_of(failure));
  } else {
    fail(error_code("wall_limit"), Outcome::WallLimit);
  }
}

/// The instance that takes the request, perhaps after a wait for its start; nullptr: failed.
WorkerLink* Exchange::worker() {
  if (app_.link != nullptr && !app_.link->broken()) return app_.link;
  failure.clear();
  state_.apps.wait_for_worker(app_, *this);
  while (app_.link == nullptr && failure.empty() && !connection_.gone() && state_.now < deadline_) {
    [[maybe_unused]] const bool in_time = connection_.wait(deadline_);
  }
  state_.apps.leave_worker_queue(app_, *this);
  if (app_.link != nullptr && !connection_.gone()) return app_.link;
  give_up();
  return nullptr;
}

bool Exchange::dispatch() {
  link_ = worker();
  if (link_ == nullptr) return false;
  link::RequestHead request;
  request.id_high = id_high_;
  request.id_low = id_low_;
  request.wall_ms = static_cast<std::uint32_t>(std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - state_.now).count()));
  request.method = head_.method;
  request.target = head_.target;
  request.client = connection_.client();
  // The head's list is lent for the call: a copy would be an allocation per request.
  request.headers.swap(head_.headers);
  unsigned flags = 0;
  if (!body_done_) flags |= link::RequestHead::kHasBody;
  if (!body_done_ && !chunks_) request.content_length = body_left_;
  if (expects_continue_) flags |= link::RequestHead::kExpectContinue;
  if (head_only_) flags |= link::RequestHead::kHead;
  if (version_1_0_) flags |= link::RequestHead::kNoStream;
  request.flags = static_cast<std::uint8_t>(flags);
  const bool fits = WorkerLink::fits(request);
  if (fits) stream_ = link_->open(request, *this);
  request.headers.swap(head_.headers);
  if (!fits) {
    fail(error_code("headers_too_large"), Outcome::BadRequest);
    return false;
  }
  credit_ = link_->window();
  lost_ = false;
  return true;
}

/// True when nothing is left to do for this request; failures have been answered by then.
bool Exchange::settle() {
  if (refusal_) {
    fail(error_code(refusal_.code), Outcome::BadRequest, refusal_.detail);
    return true;
  }
  if (!fault_.empty()) {
    fail(error_code("bad_response"), Outcome::ScriptError, fault_);
    return true;
  }
  if (response_done_ && (body_done_ || stream_done_ || lost_)) return true;
  if (lost_) {
    if (may_retry()) {
      retried_ = true;
      return !dispatch();
    }
    fail(error_for(Outcome::WorkerCrashed), Outcome::WorkerCrashed);
    return true;
  }
  if (stream_done_) {
    const Outcome outcome = done_.outcome == Outcome::Ok ? Outcome::Internal : done_.outcome;
    fail(error_for(outcome), outcome);
    return true;
  }
  if (connection_.gone()) {
    fail(error_for(Outcome::Canceled), Outcome::Canceled);
    return true;
  }
  return false;
}

bool Exchange::may_retry() const noexcept {
  return idempotent_ && !retried_ && !body_started_ && !head_sent_ && !continued_;
}

/// Moves the body on. True: something happened, look again.
bool Exchange::progress() {
  if (body_done_ || stream_done_ || lost_ || credit_ == 0) {
    body_deadline_ = TimePoint::max();
    return false;
  }
  if (pump_body()) {
    body_deadline_ = TimePoint::max();
    return true;
  }
  // The client is the one that is waited for, unless it waits for our "100 Continue".
  if (body_deadline_ == TimePoint::max() && (!expects_continue_ || continued_))
    body_deadline_ = state_.now + route_->limits.duration(Limit::HeaderTime);
  return false;
}

TimePoint Exchange::next_deadline() const noexcept {
  return std::min({deadline_, body_deadline_, idle_deadline_});
}

bool Exchange::overdue() {
  if (state_.now >= deadline_ || state_.now >= idle_deadline_) {
    fail(error_code("wall_limit"), Outcome::WallLimit);
    return true;
  }
  if (state_.now >= body_deadline_) {
    fail(error_code("request_timeout"), Outcome::BadRequest,
         "The request's body did not arrive in time.");
    return true;
  }
  return false;
}

/// The request's account is closed; an invocation that still runs is told to stop.
void Exchange::end(Outcome outcome) {
  connection_.listener = nullptr;
  if (link_ != nullptr && stream_ != 0 && !stream_done_ && !lost_) {
    link_->cancel(stream_, std::move(ticket_), outcome);
  } else {
    ticket_.finish(outcome, std::chrono::microseconds{done_.cpu_us});
  }
  stream_ = 0;
}

/// Answers with an error of ours, or cuts the connection if a response has begun.
void Exchange::fail(const ErrorCode& row, Outcome outcome, std::string_view detail) {
  failed_ = true;
  const bool gone = connection_.gone();
  const bool answered = !head_sent_ && !gone;
  const unsigned status = answered ? row.status : 0U;
  if (answered && (row.close || !ticket_.valid())) state_.metrics.rejected(row.code.data());
  if (ticket_.valid()) {
    if (answered) ticket_.status = status;
  } else if (route_->metrics != nullptr) {
    route_->metrics->request_done(outcome, status, state_.now - start_, {});
  }
  end(outcome);
  keep_alive_ = keep_alive_ && answered && !row.close && body_done_ && !state_.draining;
  if (!answered) {
    // Whoever sees half a response must see that it is half.
    if (head_sent_) connection_.cut();
    return;
  }
  http1::append_error(connection_.out(), {&row, detail, html_ ? "text/html" : "", head_only_},
                      envelope());
  connection_.written_to();
}

/// The response is complete; its invocation may go on without its client.
void Exchange::close_account() {
  if (stream_ != 0 && !stream_done_ && !lost_) {
    link_->detach(stream_, std::move(ticket_), deadline_);
  } else if (ticket_.valid()) {
    ticket_.finish(lost_ ? Outcome::WorkerCrashed : done_.outcome,
                   std::chrono::microseconds{done_.cpu_us});
  }
  stream_ = 0;
}

}  // namespace perilune::host
