#include "host/http1/fields.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "host/http1/bytes.hpp"

namespace perilune::http1 {
namespace {

Refusal bad(std::string_view detail) noexcept { return {"bad_request", detail}; }

}  // namespace

bool is_framing_field(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 6> kFraming{"content-length", "transfer-encoding", "host",
                                                     "connection",     "trailer",           "te"};
  return std::any_of(kFraming.begin(), kFraming.end(), [name](std::string_view framing) {
    // '_' and '-' become one letter in CGI and its heirs: a look-alike is one reading too many.
    return name.size() == framing.size() &&
           std::equal(name.begin(), name.end(), framing.begin(),
                      [](char a, char b) { return lower(a == '_' ? '-' : a) == b; });
  });
}

Refusal FieldCollector::add(const link::Header& field) {
  const std::string_view name = field.name;
  switch (name.size()) {
    case 2:
      if (same(name, "te")) return {};
      break;
    case 4:
      if (same(name, "host")) return host(field);
      break;
    case 6:
      if (same(name, "expect")) head_.expect_continue = same(field.value, "100-continue");
      if (same(name, "accept") && head_.accept.empty()) head_.accept = field.value;
      break;
    case 7:
      if (same(name, "upgrade")) return {};
      break;
    case 10:
      if (same(name, "keep-alive")) return {};
      if (same(name, "connection")) {
        connection(field.value);
        return {};
      }
      break;
    case 14:
      if (same(name, "content-length")) return length(field);
      break;
    case 16:
      if (same(name, "proxy-connection")) return {};
      break;
    case 17:
      if (same(name, "transfer-encoding")) {
        if (encoding_seen_) return bad("There are two Transfer-Encoding headers.");
        encoding_seen_ = true;
        if (!same(field.value, "chunked"))
          return bad("The only Transfer-Encoding that is understood is chunked.");
        head_.chunked = true;
        return {};
      }
      break;
    default: break;
  }
  if (name.find('_') != std::string_view::npos && is_framing_field(name))
    return bad("A header's name looks like one that frames the message.");
  head_.headers.push_back(field);
  return {};
}

Refusal FieldCollector::host(const link::Header& field) {
  if (host_seen_) return bad("There are two Host headers.");
  host_seen_ = true;
  if (field.value.empty() && head_.host.empty()) return bad("The Host header is empty.");
  // The target's authority wins, and the app sees the one that won.
  if (head_.host.empty()) head_.host = field.value;
  head_.headers.push_back({field.name, head_.host});
  return {};
}

Refusal FieldCollector::length(const link::Header& field) {
  if (length_seen_) return bad("There are two Content-Length headers.");
  length_seen_ = true;
  if (!parse_length(field.value, head_.content_length))
    return bad("The Content-Length is not a number.");
  head_.headers.push_back(field);
  return {};
}

void FieldCollector::connection(std::string_view value) noexcept {
  while (!value.empty()) {
    const std::size_t comma = value.find(',');
    const std::string_view option = trim(value.substr(0, comma));
    if (same(option, "close")) close_ = true;
    if (same(option, "keep-alive")) keep_ = true;
    value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
  }
}

Refusal FieldCollector::finish() {
  if (!host_seen_) return bad("There is no Host header.");
  if (encoding_seen_ && length_seen_)
    return bad("There are both Content-Length and Transfer-Encoding.");
  if (encoding_seen_ && head_.version_1_0) return bad("HTTP/1.0 has no Transfer-Encoding.");
  if (close_) {
    head_.keep_alive = false;
  } else if (head_.version_1_0) {
    head_.keep_alive = keep_;
  }
  if (head_.version_1_0 || !head_.has_body()) head_.expect_continue = false;
  return {};
}

}  // namespace perilune::http1
