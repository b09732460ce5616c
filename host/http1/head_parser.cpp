#include "host/http1/head_parser.hpp"

#include <algorithm>
#include <cstring>

#include "host/http1/bytes.hpp"
#include "host/http1/fields.hpp"

namespace perilune::http1 {
namespace {

/// Method, two blanks, version and an absolute-form's scheme beside the target itself.
constexpr std::size_t kLineSlack = kMaxMethod + 2 + 8;

}  // namespace

HeadLimits::HeadLimits(const Limits& limits) noexcept
    : target{limits.raw(Limit::Target)},
      header{limits.raw(Limit::Header)},
      headers{limits.raw(Limit::Headers)},
      count{limits.raw(Limit::HeaderCount)} {}

void RequestHead::clear() noexcept {
  method = target = host = accept = {};
  headers.clear();
  content_length = 0;
  chunked = expect_continue = version_1_0 = false;
  keep_alive = true;
}

void HeadParser::reset() noexcept {
  refusal_ = {};
  begin_ = line_start_ = first_field_ = seen_ = fields_ = 0;
}

HeadParser::Step HeadParser::parse(std::string_view bytes, RequestHead& head) {
  head.clear();
  const Step step = find_end(bytes, head);
  if (step != Step::Complete) return step;
  return take_apart(bytes.substr(begin_, line_start_ - begin_), head) ? Step::Complete
                                                                      : Step::Refused;
}

HeadParser::Step HeadParser::find_end(std::string_view bytes, RequestHead& head) {
  while (seen_ < bytes.size()) {
    const void* found = std::memchr(bytes.data() + seen_, '\n', bytes.size() - seen_);
    if (found == nullptr) {
      seen_ = bytes.size();
      break;
    }
    const auto newline = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    seen_ = newline + 1;
    if (newline == line_start_ || bytes[newline - 1] != '\r') {
      bad("A line ends with LF alone.");
      return Step::Refused;
    }
    const std::size_t length = newline - 1 - line_start_;
    if (first_field_ == 0 && length > 0 && !is(bytes[line_start_], kMethod)) {
      bad("This is not an HTTP/1.1 request.");
      return Step::Refused;
    }
    const std::string_view line = bytes.substr(line_start_, length);
    line_start_ = newline + 1;
    if (length == 0 && first_field_ != 0) return Step::Complete;
    if (length == 0 && begin_ == 0) {  // RFC 9112 section 2.2: one empty line is forgiven
      begin_ = line_start_;
      continue;
    }
    const bool first = first_field_ == 0;
    if (!line_fits(length)) return Step::Refused;
    if (first && !request_line(line, head)) return Step::Refused;
  }
  return check_partial(bytes) ? Step::NeedMore : Step::Refused;
}

bool HeadParser::line_fits(std::size_t length) noexcept {
  if (first_field_ == 0) {
    if (length > limits_.target + kLineSlack)
      return refuse("uri_too_long", "The request line is too long.");
    if (length == 0) return bad("The request line is empty.");
    first_field_ = line_start_;
    return true;
  }
  if (length > limits_.header) return refuse("headers_too_large", "A header is too long.");
  if (++fields_ > limits_.count) return refuse("headers_too_large", "There are too many headers.");
  if (line_start_ - first_field_ > limits_.headers)
    return refuse("headers_too_large", "The headers are too long in all.");
  return true;
}

/// The line that has no end yet: refused as soon as no end could save it.
bool HeadParser::check_partial(std::string_view bytes) noexcept {
  const std::size_t pending = bytes.size() - line_start_;
  if (first_field_ == 0) {
    if (pending > limits_.target + kLineSlack + 1)
      return refuse("uri_too_long", "The request line is too long.");
    // A TLS hello or other garbage is told at its first byte instead of after the header time.
    if (pending > 0 && bytes[line_start_] != '\r' && !is(bytes[line_start_], kMethod))
      return bad("This is not an HTTP/1.1 request.");
    return true;
  }
  if (pending > limits_.header + 1) return refuse("headers_too_large", "A header is too long.");
  if (bytes.size() - first_field_ > limits_.headers + 2)
    return refuse("headers_too_large", "The headers are too long in all.");
  return true;
}

bool HeadParser::take_apart(std::string_view block, RequestHead& head) {
  std::size_t at = block.find('\n');
  // The line that an earlier call judged has to be read again: its views may point to old memory.
  if (head.method.empty() && !request_line(block.substr(0, at - 1), head)) return false;
  FieldCollector fields{head};
  ++at;
  while (at + 2 < block.size()) {
    const std::size_t end = block.find('\n', at);
    link::Header field;
    refusal_ = split_field(block.substr(at, end - 1 - at), field);
    if (!refusal_) refusal_ = fields.add(field);
    if (refusal_) return false;
    at = end + 1;
  }
  refusal_ = fields.finish();
  return !refusal_;
}

bool HeadParser::request_line(std::string_view line, RequestHead& head) {
  const std::size_t blank = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (blank == std::string_view::npos || last == blank)
    return bad("The request line is not METHOD TARGET HTTP/1.1.");
  head.method = line.substr(0, blank);
  const std::string_view version = line.substr(last + 1);
  const std::string_view target = line.substr(blank + 1, last - blank - 1);
  if (head.method.empty() || head.method.size() > kMaxMethod || !all(head.method, kMethod))
    return bad("The method is not valid.");
  if (version != "HTTP/1.1") {
    if (version != "HTTP/1.0") return bad("Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    head.version_1_0 = true;
    head.keep_alive = false;
  }
  if (target.empty() || !all(target, kTarget))
    return bad("The target holds a byte that is not allowed.");
  if (target.size() > limits_.target) return refuse("uri_too_long", "The target is too long.");
  return split_target(target, head);
}

bool HeadParser::split_target(std::string_view target, RequestHead& head) {
  head.target = target;
  if (target.front() == '/') return true;
  if (target == "*") return head.method == "OPTIONS" || bad("Only OPTIONS may have the target *.");
  std::size_t start = 0;
  if (same(target.substr(0, 7), "http://")) start = 7;
  if (same(target.substr(0, 8), "https://")) start = 8;
  if (start == 0) return bad("The target is neither a path nor an absolute URI.");
  const std::size_t path = target.find_first_of("/?", start);
  head.host = target.substr(start, path - start);
  if (head.host.empty()) return bad("The target has no host.");
  if (path == std::string_view::npos) {
    head.target = "/";
  } else if (target[path] == '?') {
    return bad("The target has no path.");
  } else {
    head.target = target.substr(path);
  }
  return true;
}

Refusal split_field(std::string_view line, link::Header& field) noexcept {
  std::size_t colon = 0;
  while (colon < line.size() && is(line[colon], kToken)) ++colon;
  if (colon == line.size() || line[colon] != ':' || colon == 0)
    return {"bad_request", "A header's name is not valid."};
  field.name = line.substr(0, colon);
  field.value = trim(line.substr(colon + 1));
  if (!all(field.value, kValue)) return {"bad_request", "A header's value holds a control byte."};
  return {};
}

bool parse_length(std::string_view text, std::uint64_t& length) noexcept {
  if (text.empty() || text.size() > 16) return false;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  length = value;
  return value <= kMaxLength;
}

}  // namespace perilune::http1
