#include "runtime/modules/http_socket.hpp"

#include <cerrno>
#include <utility>

namespace perilune::runtime {

std::string_view name(ReadState state) noexcept {
  switch (state) {
    case ReadState::Empty: return "empty";
    case ReadState::MessageReady: return "message_ready";
    case ReadState::BodyReady: return "body_ready";
    case ReadState::Finished: return "finished";
  }
  return "empty";
}

std::string_view name(WriteState state) noexcept {
  switch (state) {
    case WriteState::Empty: return "empty";
    case WriteState::ContinueIssued: return "continue_issued";
    case WriteState::MetadataIssued: return "metadata_issued";
    case WriteState::Finished: return "finished";
  }
  return "empty";
}

HttpSocket::HttpSocket(std::unique_ptr<HttpBackend> backend, const HttpLimits& limits)
    : backend_{std::move(backend)}, limits_{limits} {}

HttpSocket::~HttpSocket() {
  if (reading_into_) reading_into_->filling = false;
  if (writing_from_) --writing_from_->senders;
}

Step HttpSocket::refuse(HttpErrc code, std::string detail) {
  return refuse(HttpFault{code, std::move(detail), {}});
}

Step HttpSocket::refuse(HttpFault fault) {
  fault_ = std::move(fault);
  return Step::Failed;
}

Step HttpSocket::busy() { return refuse(HttpFault{{}, {}, system_io_error(EBUSY)}); }

// -- reading --------------------------------------------------------------------------------------

Step HttpSocket::read_request(MessagePtr into) {
  if (direction_ == Direction::Client) return refuse(HttpErrc::WrongDirection);
  if (reading_ != Reading::None) return busy();
  if (read_state_ != ReadState::Empty || switching_) return refuse(HttpErrc::OutOfOrder);
  if (requests_left_ == 0)
    return refuse(HttpErrc::OutOfOrder, "a handler's socket carries one request");
  return start_read(Reading::Request, std::move(into));
}

Step HttpSocket::read_response(MessagePtr into) {
  if (direction_ == Direction::Server) return refuse(HttpErrc::WrongDirection);
  if (reading_ != Reading::None) return busy();
  if (read_state_ != ReadState::Empty || switching_) return refuse(HttpErrc::OutOfOrder);
  return start_read(Reading::Response, std::move(into));
}

Step HttpSocket::read_some(MessagePtr into) {
  if (reading_ != Reading::None) return busy();
  if (read_state_ != ReadState::MessageReady && read_state_ != ReadState::BodyReady)
    return refuse(HttpErrc::OutOfOrder);
  return start_read(Reading::Some, std::move(into));
}

Step HttpSocket::start_read(Reading what, MessagePtr into) {
  if (into->filling || into->senders > 0) return busy();
  if (what == Reading::Request) {
    direction_ = Direction::Server;
    write_state_ = WriteState::Finished;
  } else if (what == Reading::Response) {
    direction_ = Direction::Client;
  }
  if (what != Reading::Some) into->clear_received();
  reading_ = what;
  reading_into_ = std::move(into);
  reading_into_->filling = true;
  return continue_read();
}

Step HttpSocket::continue_read() {
  ReadState state = read_state_;
  Step step = Step::Done;
  switch (reading_) {
    case Reading::None: return Step::Done;
    case Reading::Request: step = backend_->read_request(*reading_into_, limits_, state); break;
    case Reading::Response: step = backend_->read_response(*reading_into_, limits_, state); break;
    case Reading::Some: step = backend_->read_some(*reading_into_, limits_, state); break;
  }
  if (step == Step::Done) read_state_ = state;
  return step == Step::Pending ? step : read_done(step);
}

Step HttpSocket::read_done(Step step) {
  const Reading what = std::exchange(reading_, Reading::None);
  const MessagePtr message = std::move(reading_into_);
  message->filling = false;
  if (step == Step::Failed) {
    fault_ = backend_->fault();
    // What is over the body's limit can still be dropped by the app; anything else is final.
    if (fault_.http != HttpErrc::BodyTooLarge) backend_->close();
    return step;
  }
  if (!message->account()) {
    backend_->close();
    return refuse(HttpFault{{}, {}, system_io_error(ENOMEM)});
  }
  if (what == Reading::Request) {
    write_state_ = WriteState::Empty;
    answering_ = true;
    if (requests_left_ != UINT32_MAX) --requests_left_;
  }
  if (what == Reading::Response && message->status == 101) switching_ = true;
  if (read_state_ == ReadState::Finished && direction_ == Direction::Client)
    read_state_ = ReadState::Empty;
  if (std::exchange(response_out_, false)) finish_response();
  return step;
}

void HttpSocket::wait_read(IoWaiter* waiter) noexcept {
  reader_ = waiter;
  backend_->set_waiters(reader_, writer_);
}

// -- writing --------------------------------------------------------------------------------------

bool HttpSocket::may_begin_message(const HttpMessage& message) {
  const bool response = message.kind == MessageKind::Response;
  if (direction_ == (response ? Direction::Client : Direction::Server)) {
    refuse(HttpErrc::WrongDirection);
    return false;
  }
  if (writing_ || message.filling) {
    busy();
    return false;
  }
  const bool allowed = response ? unanswered() : write_state_ == WriteState::Empty && !switching_;
  if (!allowed) refuse(HttpErrc::OutOfOrder);
  return allowed;
}

Step HttpSocket::write_continue() {
  if (direction_ == Direction::Client) return refuse(HttpErrc::WrongDirection);
  if (writing_) return busy();
  if (!answering_ || write_state_ != WriteState::Empty) return refuse(HttpErrc::OutOfOrder);
  return begin_write(nullptr, WriteState::ContinueIssued, backend_->write_continue());
}

Step HttpSocket::write_message(MessagePtr message) {
  if (!may_begin_message(*message)) return Step::Failed;
  const HeadPurpose purpose{true, backend_->answers_head(), backend_->answers_connect()};
  if (auto fault = prepare_head(*message, purpose, limits_, head_))
    return refuse(std::move(*fault));
  const bool response = message->kind == MessageKind::Response;
  if (response && message->status < 200 && message->status != 101)
    return refuse(HttpErrc::InvalidHeader, "an interim status is no response: 1xx but 101");
  if (!response) direction_ = Direction::Client;
  if (response && message->status == 101) switching_ = true;
  const Step step = backend_->write_message(head_, message->body());
  return begin_write(std::move(message), response ? WriteState::Finished : WriteState::Empty, step);
}

Step HttpSocket::write_metadata(MessagePtr message) {
  if (!may_begin_message(*message)) return Step::Failed;
  if (!backend_->native_stream()) return refuse(HttpErrc::NativeStreamUnsupported);
  const HeadPurpose purpose{false, backend_->answers_head(), false};
  if (auto fault = prepare_head(*message, purpose, limits_, head_))
    return refuse(std::move(*fault));
  if (message->kind == MessageKind::Request) direction_ = Direction::Client;
  drop_body_ = !head_.send_body;
  unwritten_ = head_.response.content_length;
  return begin_write(std::move(message), WriteState::MetadataIssued, backend_->write_head(head_));
}

Step HttpSocket::write_piece(MessagePtr message, Piece piece) {
  if (writing_ || (message && message->filling)) return busy();
  if (write_state_ != WriteState::MetadataIssued) return refuse(HttpErrc::OutOfOrder);
  if (piece == Piece::Body) {
    const std::string_view body = message->body();
    if (unwritten_ != UINT64_MAX) {
      if (body.size() > unwritten_) return refuse(HttpErrc::ContentLengthMismatch);
      unwritten_ -= body.size();
    }
    const bool nothing = body.empty() || drop_body_;
    return begin_write(std::move(message), WriteState::MetadataIssued,
                       nothing ? Step::Done : backend_->write_piece(body));
  }
  if (unwritten_ != UINT64_MAX && unwritten_ != 0 && !drop_body_)
    return refuse(HttpErrc::ContentLengthMismatch,
                  std::to_string(unwritten_) + " bytes are missing");
  const HeaderMap* trailers = piece == Piece::Trailers ? &message->trailers : nullptr;
  if (trailers != nullptr) {
    if (auto fault = check_trailers(*trailers, limits_)) return refuse(std::move(*fault));
  }
  const auto after = direction_ == Direction::Server ? WriteState::Finished : WriteState::Empty;
  return begin_write(std::move(message), after, backend_->write_end(trailers));
}

Step HttpSocket::begin_write(MessagePtr message, WriteState after, Step step) {
  write_after_ = after;
  if (step != Step::Pending) return write_done(step);
  writing_ = true;
  writing_from_ = std::move(message);
  if (writing_from_) ++writing_from_->senders;
  return step;
}

Step HttpSocket::continue_write() {
  const Step step = backend_->flush();
  if (step == Step::Pending) return step;
  writing_ = false;
  if (writing_from_) --writing_from_->senders;
  writing_from_.reset();
  return write_done(step);
}

Step HttpSocket::write_done(Step step) {
  if (step == Step::Failed) {
    fault_ = backend_->fault();
    if (fault_.http == HttpErrc{}) backend_->close();
    return step;
  }
  write_state_ = write_after_;
  if (direction_ == Direction::Server && write_state_ == WriteState::Finished) {
    answering_ = false;
    if (reading_ == Reading::Some)
      response_out_ = true;
    else
      finish_response();
  }
  return step;
}

void HttpSocket::finish_response() {
  read_state_ = ReadState::Empty;
  unwritten_ = UINT64_MAX;
  if (!switching_) backend_->finish_exchange();
}

void HttpSocket::wait_write(IoWaiter* waiter) noexcept {
  writer_ = waiter;
  backend_->set_waiters(reader_, writer_);
}

void HttpSocket::close() noexcept { backend_->close(); }

void HttpSocket::abandon_read() noexcept {
  if (reading_ == Reading::None) return;
  reading_ = Reading::None;
  reading_into_->filling = false;
  reading_into_.reset();
  backend_->close();
}

void HttpSocket::abandon_write() noexcept {
  if (!writing_) return;
  writing_ = false;
  if (writing_from_) --writing_from_->senders;
  writing_from_.reset();
  backend_->close();
}

std::shared_ptr<Stream> HttpSocket::upgrade() {
  if (!switching_ || reading_ != Reading::None || writing_) {
    refuse(HttpErrc::OutOfOrder);
    return nullptr;
  }
  auto stream = backend_->release_stream();
  if (stream == nullptr) refuse(HttpFault{{}, {}, system_io_error(EOPNOTSUPP)});
  return stream;
}

}  // namespace perilune::runtime
