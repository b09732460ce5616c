// What the worker says, turned into bytes for the client. Runs in the loop, not in the fiber: an
// answer that comes in one frame costs one look and one append.

#include <algorithm>

#include "host/gateway/exchange.hpp"
#include "host/gateway/thread_state.hpp"

namespace perilune::host {
namespace {

/// Credit is given back in pieces of at least this.
constexpr std::size_t kCreditPiece = 16 * 1024;

std::string_view as_text(link::View bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

http1::Envelope Exchange::envelope() { return {id_, state_.date(), keep_alive_, version_1_0_}; }

http1::Framing Exchange::framing(const link::ResponseHead& head, std::size_t size, bool end) {
  using Body = http1::Framing::Body;
  const bool known = head.content_length != UINT64_MAX;
  if (head_only_)
    return {Body::None, head.content_length, known && !http1::is_bodiless(head.status)};
  if (http1::is_bodiless(head.status)) return {Body::None, 0, false};
  if (end) return {Body::Length, size, false};
  if (known) return {Body::Length, head.content_length, false};
  return {version_1_0_ ? Body::UntilClose : Body::Chunked, 0, false};
}

void Exchange::on_continue() {
  if (head_sent_ || continued_) return;
  continued_ = true;
  if (body_started_ || body_done_) return;  // the client did not wait for it
  connection_.out() += "HTTP/1.1 100 Continue\r\n\r\n";
  connection_.written_to();
  connection_.wake();
}

void Exchange::on_response(const link::ResponseHead& head, link::View body, bool end) {
  fault_ = http1::response_fault(head, route_->limits);
  if (!fault_.empty()) {
    connection_.wake();
    return;
  }
  framing_ = framing(head, body.size(), end);
  if (framing_.body == http1::Framing::Body::UntilClose || state_.draining) keep_alive_ = false;
  // The client may or may not send the body that it was never asked for.
  if (expects_continue_ && !continued_ && !body_done_) keep_alive_ = false;
  head_sent_ = true;
  ticket_.status = head.status;
  http1::append_head(connection_.out(), head, framing_, envelope());
  append_body(body);
  connection_.written_to();
  if (end) {
    complete();
    return;
  }
  idle_deadline_ = state_.now + route_->limits.duration(Limit::StreamIdle);
  connection_.wake();  // it waits with a deadline from now on
}

void Exchange::append_body(link::View body) {
  if (body.empty() || framing_.body == http1::Framing::Body::None) return;
  std::string& out = connection_.out();
  const bool chunked = framing_.body == http1::Framing::Body::Chunked;
  if (chunked) http1::append_chunk_size(out, body.size());
  out += as_text(body);
  if (chunked) out += "\r\n";
  owed_credit_ += body.size();
  ticket_.sent += body.size();
  connection_.written_to();
}

void Exchange::on_data(link::View body, bool end) {
  idle_deadline_ = state_.now + route_->limits.duration(Limit::StreamIdle);
  append_body(body);
  if (!end) return;
  if (framing_.body == http1::Framing::Body::Chunked) {
    http1::append_last_chunk(connection_.out(), {});
    connection_.written_to();
  }
  complete();
}

void Exchange::on_trailers(const std::vector<link::Header>& trailers) {
  fault_ = http1::trailers_fault(trailers, route_->limits);
  if (fault_.empty()) {
    if (framing_.body == http1::Framing::Body::Chunked) {
      http1::append_last_chunk(connection_.out(), trailers);
      connection_.written_to();
    }
    complete();
  }
  connection_.wake();
}

void Exchange::complete() {
  response_done_ = true;
  connection_.wake();
}

void Exchange::on_body_credit(std::uint32_t bytes) {
  credit_ += bytes;
  idle_deadline_ =
      head_sent_ ? state_.now + route_->limits.duration(Limit::StreamIdle) : TimePoint::max();
  connection_.wake();
}

void Exchange::on_done(const link::Done& done) {
  stream_done_ = true;
  done_ = done;
  connection_.wake();
}

void Exchange::on_lost() {
  lost_ = true;
  connection_.wake();
}

/// Gives back what the client has taken. What is left to write holds body bytes and framing, so at
/// least `owed - left` body bytes are out.
void Exchange::on_written(std::size_t left) {
  if (response_done_ || stream_done_ || lost_ || owed_credit_ <= left) return;
  const std::size_t taken = owed_credit_ - left;
  if (taken < kCreditPiece) return;
  owed_credit_ -= taken;
  idle_deadline_ = state_.now + route_->limits.duration(Limit::StreamIdle);
  link_->send_credit(stream_, static_cast<std::uint32_t>(taken));
}

}  // namespace perilune::host
