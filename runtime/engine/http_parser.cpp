#include "runtime/engine/http_parser.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

namespace perilune::runtime {

namespace http = boost::beast::http;
namespace asio = boost::asio;
using boost::beast::error_code;
using boost::beast::string_view;

namespace {

/// What both kinds of parser fill, and why they stopped.
struct Target {
  HttpMessage* into = nullptr;
  const HttpLimits* limits = nullptr;
  std::size_t fields = 0;
  std::size_t hosts = 0;
  int version = 11;
  bool in_body = false;
  bool finished = false;
  ParseResult stop = ParseResult::Progress;

  void refuse(ParseResult why, error_code& ec) {
    stop = why;
    ec = http::error::bad_value;
  }

  void line(string_view name, string_view value, error_code& ec) {
    if (name.size() + value.size() + 4 > limits->header)
      return refuse(ParseResult::LineTooLong, ec);
    if (++fields > limits->header_count) return refuse(ParseResult::TooLarge, ec);
    if (equal_names({name.data(), name.size()}, "host")) ++hosts;
    if (into == nullptr) return;
    HeaderMap& map = in_body ? into->trailers : into->headers;
    map.add_received({name.data(), name.size()}, {value.data(), value.size()});
  }

  std::size_t body(string_view bytes, error_code& ec) {
    if (into == nullptr) return bytes.size();
    const std::size_t held = into->body().size();
    const std::size_t room = limits->body > held ? limits->body - held : 0;
    const std::size_t taken = std::min(room, bytes.size());
    if (taken == 0 && !bytes.empty()) {
      refuse(ParseResult::BodyFull, ec);
      return 0;
    }
    if (!into->append_body({bytes.data(), taken})) {
      refuse(ParseResult::NoMemory, ec);
      return 0;
    }
    return taken;
  }
};

template <bool IsRequest>
class Parser final : public http::basic_parser<IsRequest> {
 public:
  explicit Parser(Target& target) : target_{target} {
    this->body_limit(boost::none);
    // One more than allowed, so that our own count says which limit it was.
    const std::size_t most = target.limits->headers + target.limits->target + 64;
    this->header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(most, UINT32_MAX)));
  }

 private:
  void on_request_impl(http::verb, string_view method, string_view path, int version,
                       error_code& ec) override {
    target_.version = version;
    if (path.size() > target_.limits->target) return target_.refuse(ParseResult::LineTooLong, ec);
    if (target_.into == nullptr) return;
    target_.into->method.assign(method.data(), method.size());
    target_.into->target.assign(path.data(), path.size());
  }
  void on_response_impl(int code, string_view reason, int version, error_code&) override {
    target_.version = version;
    if (target_.into == nullptr) return;
    target_.into->status = static_cast<std::uint16_t>(code);
    target_.into->reason.assign(reason.data(), reason.size());
  }
  void on_field_impl(http::field, string_view name, string_view value, error_code& ec) override {
    target_.line(name, value, ec);
  }
  void on_header_impl(error_code&) override { target_.in_body = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view bytes, error_code& ec) override {
    return target_.body(bytes, ec);
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code& ec) override {
    return target_.body(bytes, ec);
  }
  void on_finish_impl(error_code&) override { target_.finished = true; }

  Target& target_;
};

ParseResult result_of(error_code ec, ParseResult stop) {
  if (stop != ParseResult::Progress) return stop;
  if (!ec) return ParseResult::Progress;
  if (ec == http::error::need_more) return ParseResult::NeedMore;
  if (ec == http::error::header_limit) return ParseResult::TooLarge;
  return ParseResult::Malformed;
}

}  // namespace

struct HttpParser::Impl {
  Target target;
  std::optional<Parser<true>> request;
  std::optional<Parser<false>> response;
  std::string_view complaint = "Invalid data";
  bool started = false;

  template <typename F>
  auto with(F f) {
    return request ? f(*request) : f(*response);
  }
  template <typename F>
  auto with(F f) const {
    return request ? f(*request) : f(*response);
  }
};

HttpParser::HttpParser() : impl_{std::make_unique<Impl>()} {}
HttpParser::~HttpParser() = default;

void HttpParser::start(Mode mode, const HttpLimits& limits) {
  Impl& me = *impl_;
  me.target = Target{};
  me.target.limits = &limits;
  me.request.reset();
  me.response.reset();
  me.complaint = "Invalid data";
  me.started = false;
  if (mode == Mode::Request) {
    me.request.emplace(me.target);
  } else {
    me.response.emplace(me.target);
    me.response->skip(mode != Mode::Response);
  }
}

ParseResult HttpParser::put(std::string_view bytes, HttpMessage* into, std::size_t& consumed) {
  Impl& me = *impl_;
  me.target.into = into;
  me.target.stop = ParseResult::Progress;
  const bool head_before = head_done();
  error_code ec;
  consumed = me.with(
      [&](auto& parser) { return parser.put(asio::buffer(bytes.data(), bytes.size()), ec); });
  me.started = me.started || consumed > 0;
  ParseResult result = result_of(ec, me.target.stop);
  if (consumed > 0 && result == ParseResult::NeedMore) result = ParseResult::Progress;
  if (result == ParseResult::Malformed) {
    if (ec == http::error::bad_content_length) me.complaint = "Invalid content-length";
    if (ec == http::error::bad_transfer_encoding) me.complaint = "Invalid transfer-encoding";
    if (ec == http::error::bad_chunk) me.complaint = "Can't process chunk size";
  }
  if (!head_before && head_done() && me.request && me.target.hosts != 1 &&
      (me.target.hosts > 1 || !http10())) {
    me.complaint = me.target.hosts == 0 ? "Host missing" : "Invalid data";
    return ParseResult::Malformed;
  }
  return result;
}

ParseResult HttpParser::put_eof() {
  error_code ec;
  impl_->with([&](auto& parser) { parser.put_eof(ec); });
  return ec ? ParseResult::Malformed : ParseResult::Progress;
}

bool HttpParser::started() const noexcept { return impl_->started; }

bool HttpParser::head_done() const noexcept {
  return impl_->with([](const auto& parser) { return parser.is_header_done(); });
}

bool HttpParser::done() const noexcept {
  return impl_->with([](const auto& parser) { return parser.is_done(); });
}

bool HttpParser::keep_alive() const noexcept {
  return impl_->with([](const auto& parser) { return parser.keep_alive(); });
}

bool HttpParser::http10() const noexcept { return impl_->target.version < 11; }

std::string_view HttpParser::complaint() const noexcept { return impl_->complaint; }

}  // namespace perilune::runtime
