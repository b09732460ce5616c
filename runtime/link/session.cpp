#include "runtime/link/session.hpp"

#include <algorithm>
#include <limits>

namespace perilune::link {
namespace {

constexpr std::uint64_t kUnknown = UINT64_MAX;

bool is_bodiless(std::uint16_t status) noexcept {
  return status == 204 || status == 304 || (status < 200 && status != 101);
}

std::uint32_t narrow(std::size_t bytes) noexcept {
  return static_cast<std::uint32_t>(
      std::min<std::size_t>(bytes, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

std::uint32_t stream_window(const Limits& limits) noexcept {
  return std::max(kInitialCredit, narrow(limits.raw(Limit::StreamWindow)));
}

// -- host
// ------------------------------------------------------------------------------------------

void StreamLedger::opened(std::uint32_t stream, std::uint8_t flags) {
  Stream& state = streams_.open(stream);
  state.may_continue = (flags & RequestHead::kExpectContinue) != 0;
  state.head_request = (flags & RequestHead::kHead) != 0;
  state.credit = window_;
}

void StreamLedger::sent_body(std::uint32_t stream, std::size_t bytes) noexcept {
  if (Stream* state = streams_.find(stream)) state->unreturned += narrow(bytes);
}

void StreamLedger::granted(std::uint32_t stream, std::uint32_t bytes) noexcept {
  if (Stream* state = streams_.find(stream)) state->credit += bytes;
}

bool StreamLedger::accept(const Frame& frame) {
  if (!reason().empty()) return false;
  const std::uint32_t id = frame.header.stream;
  Stream* stream = streams_.find(id);
  if (stream == nullptr)
    return refuse(id > streams_.last() || id == 0 ? "unknown_stream" : "after_done");
  switch (frame.header.type) {
    case FrameType::Continue:
      if (!stream->may_continue || stream->phase != Stream::Phase::Waiting)
        return refuse("continue_unexpected");
      stream->may_continue = false;
      return true;
    case FrameType::Response: return accept_response(*stream, frame);
    case FrameType::Data:
      if (stream->phase != Stream::Phase::Body) return refuse("data_unexpected");
      if (frame.payload.empty() && (frame.header.flags & kEnd) == 0) return refuse("empty_data");
      return accept_body(*stream, frame.payload, (frame.header.flags & kEnd) != 0);
    case FrameType::ResponseTrailers: return accept_trailers(*stream, frame);
    case FrameType::BodyCredit: return accept_body_credit(*stream, frame);
    case FrameType::Done:
      if (!accept_done(*stream, frame)) return false;
      streams_.close(id);
      return true;
    default: return refuse("unknown_type");
  }
}

bool StreamLedger::accept_response(Stream& stream, const Frame& frame) {
  if (stream.phase != Stream::Phase::Waiting) return refuse("second_response");
  View rest;
  if (!head_.read(frame.payload, rest)) return refuse("bad_response");
  stream.phase = Stream::Phase::Body;
  stream.bodiless = stream.head_request || is_bodiless(head_.status);
  stream.left = stream.bodiless ? kUnknown : head_.content_length;
  return accept_body(stream, rest, (frame.header.flags & kEnd) != 0);
}

bool StreamLedger::accept_body(Stream& stream, View bytes, bool end) {
  if (!bytes.empty() && stream.bodiless) return refuse("body_not_allowed");
  if (bytes.size() > stream.credit) return refuse("credit_exceeded");
  if (stream.left != kUnknown) {
    if (bytes.size() > stream.left) return refuse("length_exceeded");
    stream.left -= bytes.size();
    if (end && stream.left != 0) return refuse("length_short");
  }
  stream.credit -= narrow(bytes.size());
  if (end) stream.phase = Stream::Phase::Complete;
  body_ = bytes;
  return true;
}

bool StreamLedger::accept_trailers(Stream& stream, const Frame& frame) {
  if (stream.phase != Stream::Phase::Body || stream.bodiless) return refuse("trailers_unexpected");
  // Trailers exist in chunked framing only.
  if (stream.left != kUnknown) return refuse("trailers_unexpected");
  auto trailers = decode_headers(frame.payload);
  if (!trailers) return refuse("bad_trailers");
  trailers_ = std::move(*trailers);
  stream.phase = Stream::Phase::Complete;
  return true;
}

bool StreamLedger::accept_body_credit(Stream& stream, const Frame& frame) {
  const auto bytes = decode_credit(frame.payload);
  if (!bytes) return refuse("bad_credit");
  if (*bytes > stream.unreturned) return refuse("credit_overflow");
  stream.unreturned -= *bytes;
  credit_ = *bytes;
  return true;
}

bool StreamLedger::accept_done(const Stream& stream, const Frame& frame) {
  const auto done = Done::decode(frame.payload);
  if (!done) return refuse("bad_done");
  if (done->outcome == Outcome::Ok && stream.phase != Stream::Phase::Complete)
    return refuse("incomplete_ok");
  done_ = *done;
  return true;
}

bool StreamLedger::has_response(std::uint32_t stream) noexcept {
  const Stream* state = streams_.find(stream);
  return state != nullptr && state->phase != Stream::Phase::Waiting;
}

bool StreamLedger::complete(std::uint32_t stream) noexcept {
  const Stream* state = streams_.find(stream);
  return state != nullptr && state->phase == Stream::Phase::Complete;
}

std::uint32_t StreamLedger::credit_left(std::uint32_t stream) noexcept {
  const Stream* state = streams_.find(stream);
  return state == nullptr ? 0 : state->credit;
}

// -- worker
// ----------------------------------------------------------------------------------------

void RequestLedger::granted(std::uint32_t stream, std::uint32_t bytes) noexcept {
  if (Stream* state = streams_.find(stream)) state->body_credit += bytes;
}

void RequestLedger::sent_body(std::uint32_t stream, std::size_t bytes) noexcept {
  Stream* state = streams_.find(stream);
  if (state != nullptr) state->credit -= std::min(state->credit, narrow(bytes));
}

void RequestLedger::finished(std::uint32_t stream) { streams_.close(stream); }

std::uint32_t RequestLedger::credit_left(std::uint32_t stream) noexcept {
  const Stream* state = streams_.find(stream);
  return state == nullptr ? 0 : state->credit;
}

RequestLedger::Verdict RequestLedger::accept(const Frame& frame) {
  if (!reason().empty()) return Verdict::Violation;
  if (frame.header.type == FrameType::Request)
    return accept_request(frame) ? Verdict::Take : Verdict::Violation;
  const std::uint32_t id = frame.header.stream;
  Stream* stream = streams_.find(id);
  if (stream == nullptr) {
    if (id != 0 && id <= streams_.last()) return Verdict::Ignore;
    refuse("unknown_stream");
    return Verdict::Violation;
  }
  return accept_for(*stream, frame) ? Verdict::Take : Verdict::Violation;
}

bool RequestLedger::accept_request(const Frame& frame) {
  if (frame.header.stream <= streams_.last()) return refuse("stream_reused");
  if (streams_.size() >= most_) return refuse("too_many_streams");
  if (!head_.read(frame.payload)) return refuse("bad_request");
  Stream& stream = streams_.open(frame.header.stream);
  stream.body_open = (head_.flags & RequestHead::kHasBody) != 0;
  stream.left = head_.content_length;
  stream.credit = window_;
  stream.body_credit = window_;
  return true;
}

bool RequestLedger::accept_for(Stream& stream, const Frame& frame) {
  switch (frame.header.type) {
    case FrameType::Body: return accept_body(stream, frame);
    case FrameType::Trailers: {
      if (!stream.body_open || stream.left != kUnknown) return refuse("trailers_unexpected");
      auto trailers = decode_headers(frame.payload);
      if (!trailers) return refuse("bad_trailers");
      trailers_ = std::move(*trailers);
      stream.body_open = false;
      return true;
    }
    case FrameType::Cancel:
      if (stream.canceled) return refuse("second_cancel");
      stream.canceled = true;
      return true;
    case FrameType::Credit: return accept_credit(stream, frame);
    default: return refuse("unknown_type");
  }
}

bool RequestLedger::accept_body(Stream& stream, const Frame& frame) {
  const bool end = (frame.header.flags & kEnd) != 0;
  const std::size_t size = frame.payload.size();
  if (!stream.body_open) return refuse("body_unexpected");
  if (size == 0 && !end) return refuse("empty_data");
  if (size > stream.body_credit) return refuse("credit_exceeded");
  if (stream.left != kUnknown) {
    if (size > stream.left) return refuse("length_exceeded");
    stream.left -= size;
    if (end && stream.left != 0) return refuse("length_short");
  }
  stream.body_credit -= narrow(size);
  stream.body_open = !end;
  return true;
}

bool RequestLedger::accept_credit(Stream& stream, const Frame& frame) {
  const auto bytes = decode_credit(frame.payload);
  if (!bytes) return refuse("bad_credit");
  if (*bytes > window_ - std::min(window_, stream.credit)) return refuse("credit_overflow");
  stream.credit += *bytes;
  credit_ = *bytes;
  return true;
}

}  // namespace perilune::link
