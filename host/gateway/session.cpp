#include "host/gateway/session.hpp"

#include <algorithm>

#include "host/gateway/exchange.hpp"
#include "host/gateway/thread_state.hpp"

namespace perilune::host {
namespace {

/// Answers that wait to be written before the next pipelined request is looked at.
constexpr std::size_t kMostUnwritten = 16 * 1024;

void append_hex(char* out, std::uint64_t value) noexcept {
  for (int i = 15; i >= 0; --i) {
    out[i] = "0123456789abcdef"[value & 15U];
    value >>= 4U;
  }
}

}  // namespace

Session::Session(ThreadState& state, Connection& connection)
    : state_{state}, connection_{connection}, parser_{http1::HeadLimits{state.config.limits}} {}

void Session::run() {
  while (read_head() && answer()) {
    first_ = false;
    connection_.in.shrink();
    if (!connection_.drained(kMostUnwritten)) break;
  }
  connection_.idle = false;
  if (linger_) {
    connection_.linger();
  } else {
    [[maybe_unused]] const bool all = connection_.drained(0);
  }
}

void Session::new_id() {
  id_high_ = state_.ids.next();
  id_low_ = state_.ids.next();
  append_hex(id_text_.data(), id_high_);
  append_hex(id_text_.data() + 16, id_low_);
}

/// True: `head_` is the next request's. False: the connection ends; what there was to say is said.
bool Session::read_head() {
  using Step = http1::HeadParser::Step;
  parser_.reset();
  connection_.idle = true;
  head_deadline_ = TimePoint::max();
  while (true) {
    const Step step = parser_.parse(connection_.in.bytes(), head_);
    if (step == Step::Complete) break;
    if (step == Step::Refused) {
      reject(error_code(parser_.refusal().code), parser_.refusal().detail);
      return false;
    }
    if (!wait_for_bytes()) return false;
  }
  connection_.idle = false;
  return true;
}

bool Session::wait_for_bytes() {
  const auto& limits = state_.config.limits;
  const TimePoint idle_deadline =
      state_.now + (first_ ? limits.duration(Limit::HeaderTime) : state_.config.keep_alive);
  while (true) {
    if (parser_.begun() && head_deadline_ == TimePoint::max())
      head_deadline_ = state_.now + limits.duration(Limit::HeaderTime);
    if (state_.draining && !parser_.begun()) return false;
    switch (connection_.receive(1024)) {
      case Connection::Received::Bytes: return true;
      case Connection::Received::Closed: return false;
      case Connection::Received::Nothing: break;
    }
    if (connection_.wait(std::min(head_deadline_, idle_deadline))) continue;
    if (parser_.begun()) reject(error_code("request_timeout"), {});
    return false;
  }
}

/// Answers what never came to be a request of an app; the connection ends after it.
void Session::reject(const ErrorCode& row, std::string_view detail) {
  new_id();
  state_.metrics.rejected(row.code.data());
  http1::append_error(connection_.out(), {&row, detail, {}, false},
                      {{id_text_.data(), id_text_.size()}, state_.date(), false, false});
  connection_.written_to();
  linger_ = true;
}

/// Sets `route_` and `app_`. False: the Host is not valid.
bool Session::find_app() {
  if (authority_ != head_.host || host_.empty()) {
    authority_ = head_.host;
    host_ = normalise_host(authority_);
    routes_generation_ = 0;
  }
  if (host_.empty()) return false;
  if (routes_generation_ != state_.routes_generation) {
    routes_generation_ = state_.routes_generation;
    route_ = state_.routes->find(host_);
    app_ = route_ ? &state_.apps.get(route_->key) : nullptr;
  }
  return true;
}

bool Session::answer() {
  if (!find_app()) {
    reject(error_code("bad_request"), "The Host is not valid.");
    return false;
  }
  new_id();
  const std::string_view id{id_text_.data(), id_text_.size()};
  bool again = false;
  bool body_read = !head_.has_body();
  const std::size_t consumed = parser_.size();
  if (route_ == nullptr || route_->suspended || route_->version.empty()) {
    const ErrorCode& row =
        error_code(route_ == nullptr || route_->suspended ? "app_not_found" : "not_deployed");
    state_.metrics.rejected(row.code.data());
    again = head_.keep_alive && !head_.has_body() && !state_.draining;
    http1::append_error(connection_.out(), {&row, {}, head_.accept, head_.method == "HEAD"},
                        {id, state_.date(), again, head_.version_1_0});
    connection_.written_to();
  } else {
    Exchange exchange{state_, connection_, {&head_, consumed, id_high_, id_low_, id, route_, app_}};
    again = exchange.run();
    body_read = exchange.body_read();
  }
  connection_.in.consume(consumed);
  // What is unread when the socket is closed would turn the close into a reset.
  linger_ = !again && !(body_read && connection_.in.bytes().empty());
  return again && !connection_.broken();
}

}  // namespace perilune::host
