#include "runtime/engine/http_stream_backend.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

#include "runtime/engine/http_parser.hpp"
#include "runtime/engine/http_wire.hpp"
#include "runtime/engine/prefixed_stream.hpp"

namespace perilune::runtime {
namespace {

constexpr std::size_t kReadSize = 8 * 1024;
/// Bodies up to this size are copied behind their head: one write instead of two.
constexpr std::size_t kCopiedBody = 16 * 1024;

class StreamBackend final : public HttpBackend {
 public:
  explicit StreamBackend(std::shared_ptr<Stream> stream)
      : stream_{std::move(stream)}, host_{to_string(stream_->remote())} {
    (void)stream_->set_option("tcp_no_delay", 1);
  }
  StreamBackend(const StreamBackend&) = delete;
  StreamBackend& operator=(const StreamBackend&) = delete;
  ~StreamBackend() override {
    if (stream_) stream_->wait_readable(nullptr);
    if (stream_) stream_->wait_writable(nullptr);
  }

  void set_waiters(IoWaiter* reader, IoWaiter* writer) noexcept override {
    if (reader != std::exchange(reader_, reader) && stream_) stream_->wait_readable(reader);
    if (writer != std::exchange(writer_, writer) && stream_) stream_->wait_writable(writer);
  }

  Step read_request(HttpMessage& into, const HttpLimits& limits, ReadState& state) override;
  Step read_response(HttpMessage& into, const HttpLimits& limits, ReadState& state) override;
  Step read_some(HttpMessage& into, const HttpLimits& limits, ReadState& state) override;

  Step write_continue() override;
  Step write_message(const OutgoingHead& head, std::string_view body) override;
  Step write_head(const OutgoingHead& head) override;
  Step write_piece(std::string_view body) override;
  Step write_end(const HeaderMap* trailers) override;
  Step flush() override;

  void finish_exchange() override;
  bool native_stream() const noexcept override { return server_ ? !parser_.http10() : !http10_; }
  bool answers_head() const noexcept override { return server_ && method_ == "HEAD"; }
  bool answers_connect() const noexcept override { return server_ && method_ == "CONNECT"; }
  void lock_to_http10() noexcept override { http10_ = true; }
  std::shared_ptr<Stream> release_stream() override;
  void close() noexcept override {
    if (stream_) stream_->close();
  }
  bool is_open() const noexcept override { return stream_ && stream_->is_open(); }

 private:
  [[nodiscard]] std::string_view unparsed() const { return std::string_view{in_}.substr(begin_); }
  Step fill();
  Step read_head(HttpMessage& into, const HttpLimits& limits, HttpParser::Mode mode);
  Step read_body(HttpMessage& into, ReadState& state);
  Step drain();
  Step complain(ParseResult why);
  void begin_parsing(HttpParser::Mode mode, const HttpLimits& limits);
  void response_read(const HttpMessage& response);
  [[nodiscard]] WireOptions wire_options(const OutgoingHead& head);
  Step start_flush();

  std::shared_ptr<Stream> stream_;
  std::string host_;  ///< the peer, for requests that name no host
  HttpParser parser_;
  HttpLimits limits_;  ///< of the message being parsed
  std::string in_;
  std::size_t begin_ = 0;
  std::string out_;
  std::size_t out_sent_ = 0;
  std::string_view body_;                     ///< of the message being written, after `out_`
  std::string method_;                        ///< of the request being answered
  std::deque<HttpParser::Mode> outstanding_;  ///< client: what the next responses answer
  IoWaiter* reader_ = nullptr;
  IoWaiter* writer_ = nullptr;
  std::size_t drained_ = 0;
  bool parsing_ = false;
  bool draining_ = false;
  bool server_ = false;
  bool http10_ = false;
  bool chunked_ = false;
  bool expects_continue_ = false;
  bool answer_begun_ = false;  ///< server: part of the response is out
  bool close_after_ = false;   ///< the connection ends after the current exchange
};

// -- reading --------------------------------------------------------------------------------------

Step StreamBackend::fill() {
  if (!is_open()) return fail(misc_io_error(kMiscEof));
  in_.erase(0, begin_);
  begin_ = 0;
  const std::size_t old = in_.size();
  in_.resize(old + kReadSize);
  const IoResult result = stream_->read_some(std::as_writable_bytes(std::span{in_}).subspan(old));
  in_.resize(old + result.bytes);
  if (!result.error) return Step::Done;
  if (!result.error.would_block()) return fail(result.error);
  if (reader_ != nullptr) stream_->wait_readable(reader_);
  return Step::Pending;
}

void StreamBackend::begin_parsing(HttpParser::Mode mode, const HttpLimits& limits) {
  if (std::exchange(parsing_, true)) return;
  limits_ = limits;
  parser_.start(mode, limits_);
}

Step StreamBackend::read_head(HttpMessage& into, const HttpLimits& limits, HttpParser::Mode mode) {
  begin_parsing(mode, limits);
  while (!parser_.head_done()) {
    std::size_t consumed = 0;
    const auto result =
        unparsed().empty() ? ParseResult::NeedMore : parser_.put(unparsed(), &into, consumed);
    begin_ += consumed;
    if (result != ParseResult::Progress && result != ParseResult::NeedMore) return complain(result);
    if (parser_.head_done() || result == ParseResult::Progress) continue;
    if (const Step step = fill(); step != Step::Done) {
      const bool cut = step == Step::Failed && parser_.started() &&
                       fault().io.category == IoError::Category::Misc;
      return cut ? fail(HttpErrc::ParsingError, "the stream ended within a message") : step;
    }
  }
  return Step::Done;
}

Step StreamBackend::read_body(HttpMessage& into, ReadState& state) {
  const std::size_t before = into.body().size();
  while (!parser_.done()) {
    std::size_t consumed = 0;
    const auto result =
        unparsed().empty() ? ParseResult::NeedMore : parser_.put(unparsed(), &into, consumed);
    begin_ += consumed;
    if (result == ParseResult::Progress) continue;
    const bool got_some = into.body().size() > before;
    if (result != ParseResult::NeedMore) {
      if (result == ParseResult::BodyFull && got_some) break;
      return complain(result);
    }
    if (got_some) break;
    const Step step = fill();
    if (step == Step::Pending) return step;
    if (step == Step::Done) continue;
    if (fault().io.category != IoError::Category::Misc ||
        parser_.put_eof() != ParseResult::Progress)
      return step;
  }
  if (into.body().size() > before) state = ReadState::BodyReady;
  if (parser_.done()) state = ReadState::Finished;
  return Step::Done;
}

Step StreamBackend::complain(ParseResult why) {
  std::string_view answer;
  Step step = Step::Failed;
  switch (why) {
    case ParseResult::BodyFull: return fail(HttpErrc::BodyTooLarge);
    case ParseResult::NoMemory: return fail(system_io_error(ENOMEM));
    case ParseResult::LineTooLong:
    case ParseResult::TooLarge:
      answer = "431 Request Header Fields Too Large";
      step = fail(HttpErrc::BufferExhausted);
      break;
    default:
      answer = "400 Bad Request";
      step = fail(HttpErrc::ParsingError, std::string{parser_.complaint()});
      break;
  }
  if (server_ && is_open() && !answer_begun_) {
    const std::string_view text = parser_.complaint();
    std::string reply = "HTTP/1.1 " + std::string{answer} +
                        "\r\nconnection: close\r\ncontent-length: " + std::to_string(text.size()) +
                        "\r\n\r\n" + std::string{text};
    // Best effort: nobody waits for a client that sends garbage.
    (void)stream_->write_some(std::as_bytes(std::span{reply}));
    (void)stream_->shutdown(StreamEnd::Send);
  }
  return step;
}

Step StreamBackend::drain() {
  while (!parser_.done()) {
    std::size_t consumed = 0;
    const auto result =
        unparsed().empty() ? ParseResult::NeedMore : parser_.put(unparsed(), nullptr, consumed);
    begin_ += consumed;
    drained_ += consumed;
    if (result == ParseResult::Progress && drained_ <= kMostDrained) continue;
    if (result != ParseResult::NeedMore) {
      close();
      return fail(misc_io_error(kMiscEof));
    }
    if (const Step step = fill(); step != Step::Done) return step;
  }
  draining_ = parsing_ = false;
  return Step::Done;
}

Step StreamBackend::read_request(HttpMessage& into, const HttpLimits& limits, ReadState& state) {
  server_ = true;
  if (!is_open()) return fail(misc_io_error(kMiscEof));
  if (draining_) {
    if (const Step step = drain(); step != Step::Done) return step;
  }
  if (!parsing_) {
    drained_ = 0;
    answer_begun_ = false;
  }
  if (const Step step = read_head(into, limits, HttpParser::Mode::Request); step != Step::Done)
    return step;
  method_ = into.method;
  close_after_ = !parser_.keep_alive();
  if (parser_.http10()) {
    into.headers.remove("expect");
    into.headers.remove("upgrade");
  }
  const std::size_t expect = into.headers.find("expect");
  if (into.headers.find("expect", expect + 1) < into.headers.size()) into.headers.remove("expect");
  expects_continue_ = continue_required(into);
  state = parser_.done() ? ReadState::Finished : ReadState::MessageReady;
  // What came with the head is given along; the rest is read_some's affair.
  if (!parser_.done() && !unparsed().empty()) {
    const Step step = read_body(into, state);
    if (step == Step::Failed && fault().http != HttpErrc::BodyTooLarge) return step;
  }
  return Step::Done;
}

Step StreamBackend::read_response(HttpMessage& into, const HttpLimits& limits, ReadState& state) {
  if (outstanding_.empty()) return fail(HttpErrc::ParsingError, "no request is outstanding");
  const Step step = read_head(into, limits, outstanding_.front());
  if (step != Step::Done) return step;
  const bool interim = into.status < 200 && into.status != 101;
  if (!interim) {
    outstanding_.pop_front();
    close_after_ = !parser_.keep_alive();
  }
  state = ReadState::MessageReady;
  if (parser_.done()) {
    state = ReadState::Finished;
    response_read(into);
  }
  return Step::Done;
}

void StreamBackend::response_read(const HttpMessage& response) {
  parsing_ = false;
  const bool interim = response.status < 200;
  if (!interim && close_after_) close();
}

Step StreamBackend::read_some(HttpMessage& into, const HttpLimits& limits, ReadState& state) {
  limits_.body = limits.body;
  const Step step = read_body(into, state);
  if (step == Step::Done && state == ReadState::Finished && !server_) response_read(into);
  return step;
}

// -- writing --------------------------------------------------------------------------------------

WireOptions StreamBackend::wire_options(const OutgoingHead& head) {
  WireOptions options;
  options.http10 = http10_;
  options.host = host_;
  if (server_) {
    answer_begun_ = true;
    // A client that waits for "100 Continue" may or may not send its body now: not to be told
    // apart.
    const bool unclear = expects_continue_ && !parser_.done();
    close_after_ = close_after_ || head.close || unclear;
    options.keep_alive_http10 = parser_.http10() && !close_after_;
    options.close = close_after_;
  } else {
    options.close = head.close;
  }
  return options;
}

Step StreamBackend::write_continue() {
  if (!std::exchange(expects_continue_, false)) return Step::Done;
  out_ += "HTTP/1.1 100 Continue\r\n\r\n";
  return start_flush();
}

Step StreamBackend::write_message(const OutgoingHead& head, std::string_view body) {
  if (!server_) {
    if (outstanding_.size() >= kMostPipelined) return fail(system_io_error(EBUSY));
    outstanding_.push_back(head.method == "HEAD"      ? HttpParser::Mode::ResponseToHead
                           : head.method == "CONNECT" ? HttpParser::Mode::ResponseToConnect
                                                      : HttpParser::Mode::Response);
  }
  append_head(out_, head, wire_options(head));
  if (!head.send_body) body = {};
  if (body.size() <= kCopiedBody) {
    out_ += body;
    body = {};
  }
  body_ = body;
  return start_flush();
}

Step StreamBackend::write_head(const OutgoingHead& head) {
  if (!server_) {
    if (outstanding_.size() >= kMostPipelined) return fail(system_io_error(EBUSY));
    outstanding_.push_back(HttpParser::Mode::Response);
  }
  chunked_ = head.response.content_length == UINT64_MAX;
  append_head(out_, head, wire_options(head));
  return start_flush();
}

Step StreamBackend::write_piece(std::string_view body) {
  if (chunked_) {
    append_chunk(out_, body);
  } else {
    out_ += body;
  }
  return start_flush();
}

Step StreamBackend::write_end(const HeaderMap* trailers) {
  if (chunked_ && !answers_head()) append_last_chunk(out_, trailers);
  return start_flush();
}

Step StreamBackend::start_flush() {
  if (!is_open()) return fail(system_io_error(EPIPE));
  return flush();
}

Step StreamBackend::flush() {
  if (!is_open()) return fail(system_io_error(EPIPE));
  while (out_sent_ < out_.size() || !body_.empty()) {
    const bool head = out_sent_ < out_.size();
    const std::string_view rest = head ? std::string_view{out_}.substr(out_sent_) : body_;
    const IoResult result = stream_->write_some(std::as_bytes(std::span{rest}));
    if (result.error.would_block()) {
      if (writer_ != nullptr) stream_->wait_writable(writer_);
      return Step::Pending;
    }
    if (result.error) return fail(result.error);
    if (head) {
      out_sent_ += result.bytes;
    } else {
      body_.remove_prefix(result.bytes);
    }
  }
  out_.clear();
  out_sent_ = 0;
  return Step::Done;
}

void StreamBackend::finish_exchange() {
  if (close_after_) {
    (void)stream_->shutdown(StreamEnd::Send);
    // Unread bytes would turn the close into a reset, and the client might lose the response.
    for (std::size_t i = 0; i < kMostDrained / kReadSize; ++i) {
      in_.clear();
      begin_ = 0;
      if (fill() != Step::Done) break;
    }
    close();
    parsing_ = false;
    return;
  }
  if (parser_.done()) {
    parsing_ = false;
  } else {
    draining_ = true;
  }
}

std::shared_ptr<Stream> StreamBackend::release_stream() {
  if (!is_open()) return nullptr;
  auto stream = std::move(stream_);
  if (unparsed().empty()) return stream;
  return std::make_shared<PrefixedStream>(std::string{unparsed()}, std::move(stream));
}

}  // namespace

std::unique_ptr<HttpBackend> make_http_stream_backend(Vm&, std::shared_ptr<Stream> stream) {
  return std::make_unique<StreamBackend>(std::move(stream));
}

}  // namespace perilune::runtime
