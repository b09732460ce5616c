#include "runtime/worker/connection.hpp"

#include <algorithm>

#include "runtime/vm/vm.hpp"

namespace perilune::worker {
namespace {

using link::FrameType;

std::span<const std::byte> bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span{text});
}

/// What a head takes in a frame.
std::size_t size_of(const link::ResponseHead& head) noexcept {
  std::size_t size = 16 + head.reason.size();
  for (const link::Header& header : head.headers)
    size += 4 + header.name.size() + header.value.size();
  return size;
}

}  // namespace

Connection::Connection(Gateway& gateway, Stream& stream) noexcept
    : gateway_{gateway}, stream_{&stream} {
  stream.connection = this;
}

Connection::~Connection() {
  gateway_.not_idle(*this);
  leave_stream();
}

void Connection::leave_stream() noexcept {
  if (stream_ == nullptr) return;
  Stream& stream = *stream_;
  stream_ = nullptr;
  gateway_.release(stream);
  gateway_.detach(stream);
}

const link::RequestHead* Connection::request() const noexcept {
  return stream_ == nullptr ? nullptr : &stream_->head;
}

runtime::Invocation* Connection::invocation() const noexcept {
  return stream_ == nullptr || stream_->finished ? nullptr : &*stream_->invocation;
}

void Connection::await_request() noexcept {
  if (closed_) return;
  if (stream_ != nullptr) {
    runtime::Vm& vm = gateway_.vm();
    // The fiber that waits for the next request no longer works on this one.
    if (vm.current_invocation() == invocation()) vm.set_current_invocation(nullptr);
    leave_stream();
  }
  gateway_.idle(*this);
}

void Connection::stop_awaiting() noexcept {
  gateway_.not_idle(*this);
  if (stream_ == nullptr) closed_ = true;
}

std::string_view Connection::body() const noexcept {
  return stream_ == nullptr ? std::string_view{} : stream_->unread();
}

void Connection::consume(std::size_t bytes) noexcept {
  if (stream_ == nullptr) return;
  Stream& stream = *stream_;
  bytes = std::min(bytes, stream.unread().size());
  stream.body_at += bytes;
  gateway_.vm().release_memory(bytes);
  if (stream.body_at == stream.body.size()) {
    stream.body.clear();
    stream.body_at = 0;
  }
  if (stream.body_ended || stream.finished) return;
  // Given back in pieces worth a frame; the host never runs dry, for at most a quarter is held.
  stream.owed += static_cast<std::uint32_t>(bytes);
  if (stream.owed < gateway_.window() / 4) return;
  link::encode_credit(stream.owed, stream.port->out.begin_frame(FrameType::BodyCredit, stream.id));
  stream.port->out.finish_frame();
  stream.port->ledger.granted(stream.id, stream.owed);
  stream.owed = 0;
}

bool Connection::body_ended() const noexcept { return stream_ == nullptr || stream_->body_ended; }

std::span<const link::Header> Connection::trailers() const noexcept {
  if (stream_ == nullptr) return {};
  return stream_->trailers;
}

bool Connection::may_send() const noexcept {
  return stream_ != nullptr && !closed_ && !stream_->finished && !stream_->complete;
}

void Connection::send_continue() noexcept {
  if (!may_send() || stream_->responded) return;
  if ((stream_->head.flags & link::RequestHead::kExpectContinue) == 0) return;
  stream_->head.flags &= static_cast<std::uint8_t>(~link::RequestHead::kExpectContinue);
  stream_->port->out.add(FrameType::Continue, stream_->id, {});
}

bool Connection::fits(std::size_t bytes, bool end) noexcept {
  if (stream_->left == UINT64_MAX) return true;
  if (bytes <= stream_->left && (!end || bytes == stream_->left)) return true;
  cut();
  return false;
}

void Connection::account(std::size_t bytes, bool end) noexcept {
  Stream& stream = *stream_;
  stream.port->ledger.sent_body(stream.id, bytes);
  if (stream.left != UINT64_MAX) stream.left -= bytes;
  if (end) complete();
}

void Connection::complete() noexcept {
  stream_->complete = true;
  // Somebody else than the handler (or the loop) wrote the end: Done waited for it.
  if (stream_->released) gateway_.release(*stream_);
}

std::size_t Connection::send_response(const link::ResponseHead& head, std::string_view body,
                                      bool end) noexcept {
  if (!may_send() || stream_->responded) return body.size();
  Stream& stream = *stream_;
  const std::size_t head_size = size_of(head);
  if (head_size > link::kMaxPayload || head.headers.size() > link::kMaxHeaders) {
    cut();
    return body.size();
  }
  stream.bodiless = (stream.head.flags & link::RequestHead::kHead) != 0 || head.status < 200 ||
                    head.status == 204 || head.status == 304;
  stream.left = stream.bodiless ? UINT64_MAX : head.content_length;
  const std::size_t said = body.size();
  if (stream.bodiless) body = {};
  if (!fits(body.size(), end)) return said;
  stream.responded = true;
  const std::size_t room = std::min<std::size_t>(link::kMaxPayload - head_size,
                                                 stream.port->ledger.credit_left(stream.id));
  const std::string_view first = body.substr(0, room);
  const bool all = first.size() == body.size();
  const bool last = end && all;
  auto& out = stream.port->out.begin_frame(FrameType::Response, stream.id, last ? link::kEnd : 0);
  head.encode(out);
  const auto bytes = bytes_of(first);
  out.insert(out.end(), bytes.begin(), bytes.end());
  stream.port->out.finish_frame();
  account(first.size(), last);
  return all ? said : first.size();
}

std::size_t Connection::send_body(std::string_view body, bool end) noexcept {
  if (!may_send() || !stream_->responded) return body.size();
  Stream& stream = *stream_;
  const std::size_t said = body.size();
  if (stream.bodiless) body = {};
  if (body.empty() && !end) return said;
  if (!fits(body.size(), end)) return said;
  std::size_t sent = 0;
  do {
    const std::size_t credit = stream.port->ledger.credit_left(stream.id);
    const std::size_t piece = std::min({body.size() - sent, credit, link::kMaxBodyPiece});
    if (piece == 0 && sent < body.size()) return sent;
    const bool last = end && sent + piece == body.size();
    stream.port->out.add(FrameType::Data, stream.id, bytes_of(body.substr(sent, piece)),
                         last ? link::kEnd : 0);
    account(piece, last);
    sent += piece;
  } while (sent < body.size());
  return said;
}

void Connection::send_trailers(std::span<const link::Header> trailers) noexcept {
  if (!may_send() || !stream_->responded) return;
  Stream& stream = *stream_;
  link::ResponseHead measured;
  measured.headers.assign(trailers.begin(), trailers.end());
  // Without chunks (a known length, no body) there is no place for trailers.
  const bool possible = !stream.bodiless && stream.left == UINT64_MAX &&
                        trailers.size() <= link::kMaxHeaders &&
                        size_of(measured) <= link::kMaxPayload;
  if (!possible) {
    static_cast<void>(send_body({}, true));
    return;
  }
  link::encode_headers(measured.headers,
                       stream.port->out.begin_frame(FrameType::ResponseTrailers, stream.id));
  stream.port->out.finish_frame();
  complete();
}

void Connection::close() noexcept {
  closed_ = true;
  gateway_.not_idle(*this);
  if (stream_ != nullptr) gateway_.release(*stream_);
}

void Connection::carry(Stream& stream) noexcept {
  stream_ = &stream;
  stream.connection = this;
  if (listener_ != nullptr) listener_->on_request();
}

void Connection::tell_body() noexcept {
  if (listener_ != nullptr) listener_->on_body();
}

void Connection::tell_credit() noexcept {
  if (listener_ != nullptr) listener_->on_credit();
}

void Connection::cut() noexcept {
  if (closed_) return;
  closed_ = true;
  gateway_.not_idle(*this);
  if (listener_ != nullptr) listener_->on_closed();
}

}  // namespace perilune::worker
