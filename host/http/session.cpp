#include "host/http/session.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <exception>
#include <utility>

#include "host/http1/bytes.hpp"
#include "host/http1/chunks.hpp"
#include "host/http1/response.hpp"
#include "runtime/base/log.hpp"
#include "runtime/http_status.hpp"

namespace perilune::host {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kPiece = 16 * 1024;
constexpr std::chrono::seconds kKeepAlive{75};
constexpr std::chrono::seconds kWriteTime{60};
constexpr std::chrono::seconds kLinger{2};
constexpr std::size_t kMostLingered = 1U << 20U;

http1::HeadLimits head_limits(const HttpServerConfig& config) noexcept {
  http1::HeadLimits limits;
  limits.target = std::min(limits.target, config.max_head);
  limits.header = std::min(limits.header, config.max_head);
  limits.headers = config.max_head;
  return limits;
}

std::string new_request_id() {
  std::array<unsigned char, 16> random{};
  [[maybe_unused]] const auto got = ::getrandom(random.data(), random.size(), 0);
  std::string id;
  for (const unsigned char byte : random) {
    id += "0123456789abcdef"[byte >> 4U];
    id += "0123456789abcdef"[byte & 15U];
  }
  return id;
}

std::string date_now() { return http1::http_date(log::now_milliseconds() / 1000); }

std::string serialise(const HttpResponse& response, bool keep_alive, bool head_only) {
  std::string out = "HTTP/1.1 ";
  http1::append_number(out, response.status);
  out += ' ';
  out += reason_phrase(response.status);
  out += "\r\nDate: " + date_now() + "\r\n";
  for (const auto& [name, value] : response.headers) {
    // A handler's header that would break the framing is a bug; it must not become a second
    // response.
    if (!http1::all(name, http1::kToken) || !http1::all(value, http1::kValue)) continue;
    out += name + ": " + value + "\r\n";
  }
  if (!keep_alive) out += "Connection: close\r\n";
  const bool bodiless = http1::is_bodiless(response.status);
  if (!bodiless) {
    out += "Content-Length: ";
    http1::append_number(out, response.body.size());
    out += "\r\n";
  }
  out += "\r\n";
  if (!bodiless && !head_only) out += response.body;
  return out;
}

}  // namespace

HttpSession::HttpSession(asio::ip::tcp::socket socket, std::shared_ptr<HttpShared> shared)
    : socket_{std::move(socket)},
      timer_{socket_.get_executor()},
      shared_{std::move(shared)},
      parser_{head_limits(shared_->config)} {
  boost::system::error_code error;
  const auto peer = socket_.remote_endpoint(error);
  if (!error) {
    const std::string address = peer.address().to_string();
    client_ = (peer.address().is_v6() ? '[' + address + ']' : address) + ':' +
              std::to_string(peer.port());
  }
  socket_.set_option(asio::ip::tcp::no_delay{true}, error);
}

void HttpSession::run(const asio::yield_context& yield) {
  do {
    idle_ = true;
    if (!read_head(yield) || !read_body(yield)) break;
  } while (answer(yield) && !shared_->stopping);
  timer_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void HttpSession::end_if_idle() {
  if (idle_) cut();
}

void HttpSession::cut() {
  boost::system::error_code ignored;
  socket_.cancel(ignored);
  socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
}

void HttpSession::arm(Clock::time_point deadline) {
  timed_out_ = false;
  const std::uint64_t serial = ++deadline_serial_;
  timer_.expires_at(deadline);
  timer_.async_wait([self = shared_from_this(), serial](boost::system::error_code error) {
    if (error || serial != self->deadline_serial_) return;
    self->timed_out_ = true;
    boost::system::error_code ignored;
    self->socket_.cancel(ignored);
  });
}

bool HttpSession::read_some(Clock::time_point deadline, const asio::yield_context& yield) {
  arm(deadline);
  const std::size_t before = input_.size();
  input_.resize(before + kPiece);
  boost::system::error_code error;
  const std::size_t count =
      socket_.async_read_some(asio::buffer(input_.data() + before, kPiece), yield[error]);
  input_.resize(before + count);
  ++deadline_serial_;
  return !error && count > 0;
}

bool HttpSession::write(std::string_view bytes, const asio::yield_context& yield) {
  arm(Clock::now() + kWriteTime);
  boost::system::error_code error;
  asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()), yield[error]);
  ++deadline_serial_;
  return !error;
}

bool HttpSession::read_head(const asio::yield_context& yield) {
  using Step = http1::HeadParser::Step;
  parser_.reset();
  auto deadline = Clock::now() + kKeepAlive;
  bool begun = false;
  while (true) {
    const Step step = parser_.parse(input_, head_);
    if (step == Step::Complete) break;
    if (step == Step::Refused) {
      refuse(error_code(parser_.refusal().code), parser_.refusal().detail, yield);
      return false;
    }
    if (!begun && parser_.begun()) {
      begun = true;
      idle_ = false;
      deadline = Clock::now() + shared_->config.head_time;
    }
    if (read_some(deadline, yield)) continue;
    if (begun && timed_out_) refuse(error_code("request_timeout"), {}, yield);
    return false;
  }
  idle_ = false;
  make_request();
  return true;
}

/// Everything is copied out of the head: its views end when the input moves on.
void HttpSession::make_request() {
  request_ = {};
  request_.method = head_.method;
  request_.target = head_.target;
  request_.client = client_;
  for (const link::Header& field : head_.headers) {
    std::string name{field.name};
    std::transform(name.begin(), name.end(), name.begin(), http1::lower);
    request_.headers.emplace_back(std::move(name), field.value);
  }
  keep_alive_ = head_.keep_alive;
  head_only_ = head_.method == "HEAD";
  chunked_ = head_.chunked;
  content_length_ = head_.content_length;
  expects_continue_ = head_.expect_continue;
  input_.erase(0, parser_.size());
  body_deadline_ = Clock::now() + shared_->config.body_time;
}

bool HttpSession::read_body(const asio::yield_context& yield) {
  if (!chunked_ && content_length_ > shared_->config.max_body) {
    refuse(error_code("body_too_large"), "The body is longer than this listener takes.", yield);
    return false;
  }
  if (!may_send_body(yield)) return false;
  if (expects_continue_ && input_.empty() && !write("HTTP/1.1 100 Continue\r\n\r\n", yield))
    return false;
  if (chunked_ ? read_chunks(yield) : read_length(yield)) return true;
  if (timed_out_)
    refuse(error_code("request_timeout"), "The request's body did not arrive in time.", yield);
  return false;
}

bool HttpSession::may_send_body(const asio::yield_context& yield) {
  const HttpServerConfig& config = shared_->config;
  if (!config.before_body || (!chunked_ && content_length_ <= config.unasked_body)) return true;
  const auto size = chunked_ ? std::nullopt : std::optional{content_length_};
  const auto refusal = config.before_body(request_, size);
  if (!refusal) return true;
  if (write(serialise(*refusal, false, head_only_), yield)) linger(yield);
  return false;
}

bool HttpSession::read_length(const asio::yield_context& yield) {
  input_.reserve(content_length_ + kPiece);
  while (input_.size() < content_length_) {
    const auto stall = Clock::now() + shared_->config.body_stall;
    if (!read_some(std::min(stall, body_deadline_), yield)) return false;
  }
  const std::size_t size = content_length_;
  if (input_.size() == size) {
    request_.body = std::exchange(input_, {});
    return true;
  }
  request_.body = input_.substr(0, size);
  input_.erase(0, size);
  return true;
}

bool HttpSession::read_chunks(const asio::yield_context& yield) {
  using Event = http1::ChunkDecoder::Event;
  http1::ChunkDecoder decoder{shared_->config.max_body, head_limits(shared_->config)};
  while (true) {
    std::string_view rest{input_};
    std::string_view data;
    Event event = decoder.next(rest, data);
    for (; event == Event::Data; event = decoder.next(rest, data)) request_.body += data;
    input_.erase(0, input_.size() - rest.size());
    if (event == Event::End) return true;
    if (event == Event::Refused) {
      timed_out_ = false;
      refuse(error_code(decoder.refusal().code), decoder.refusal().detail, yield);
      return false;
    }
    const auto stall = Clock::now() + shared_->config.body_stall;
    if (!read_some(std::min(stall, body_deadline_), yield)) return false;
  }
}

bool HttpSession::answer(const asio::yield_context& yield) {
  HttpResponse response;
  std::string failed;
  try {
    response = shared_->handler(request_, yield);
  } catch (const std::exception& error) {
    failed = error.what();
    if (failed.empty()) failed = "unknown";
  }
  if (!failed.empty()) {
    log::error("a request handler failed", {{"listener", std::string_view{shared_->config.name}},
                                            {"target", std::string_view{request_.target}},
                                            {"error", std::string_view{failed}}});
    refuse(error_code("internal"), {}, yield);
    return false;
  }
  const bool again = keep_alive_ && !shared_->stopping;
  return write(serialise(response, again, head_only_), yield) && again;
}

void HttpSession::refuse(const ErrorCode& row, std::string_view detail,
                         const asio::yield_context& yield) {
  std::string out;
  const std::string id = new_request_id();
  const std::string date = date_now();
  http1::append_error(out, {&row, detail, {}, false}, {id, date, false, false});
  if (write(out, yield)) linger(yield);
}

/// Reads on for a moment: unread bytes would turn the close into a reset that eats the answer.
void HttpSession::linger(const asio::yield_context& yield) {
  boost::system::error_code ignored;
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  const auto deadline = Clock::now() + kLinger;
  std::size_t total = 0;
  input_.clear();
  while (total < kMostLingered && read_some(deadline, yield)) {
    total += input_.size();
    input_.clear();
  }
  timed_out_ = false;
}

}  // namespace perilune::host
