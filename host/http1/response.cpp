#include "host/http1/response.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "host/http1/bytes.hpp"
#include "runtime/http_status.hpp"

namespace perilune::http1 {
namespace {

/// Fields of an app that are dropped because the host writes them, or nobody.
bool is_host_field(std::string_view name) noexcept {
  switch (name.size()) {
    case 2: return same(name, "te");
    case 4: return same(name, "date");
    case 7: return same(name, "trailer") || same(name, "upgrade");
    case 10: return same(name, "connection") || same(name, "keep-alive");
    case 14: return same(name, "content-length") || same(name, "perilune-error");
    case 16: return same(name, "proxy-connection");
    case 17: return same(name, "transfer-encoding");
    case 19: return same(name, "perilune-request-id");
    default: return false;
  }
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

std::string_view headers_fault(const std::vector<link::Header>& headers,
                               const Limits& limits) noexcept {
  if (headers.size() > limits.raw(Limit::ResponseHeaderCount)) return "too many headers";
  std::uint64_t bytes = 0;
  for (const link::Header& header : headers) {
    if (header.name.empty() || !all(header.name, kToken)) return "a header's name is not a token";
    if (!all(header.value, kValue)) return "a header's value holds a control byte";
    bytes += header.name.size() + header.value.size() + 4;
  }
  return bytes > limits.raw(Limit::ResponseHeaders) ? "the headers are too long"
                                                    : std::string_view{};
}

void append_status_line(std::string& out, unsigned status, std::string_view reason) {
  out += "HTTP/1.1 ";
  append_number(out, status);
  out += ' ';
  out += reason.empty() ? reason_phrase(status) : reason;
  out += "\r\n";
}

void append_envelope(std::string& out, const Envelope& envelope) {
  append_field(out, "Date", envelope.date);
  append_field(out, "Perilune-Request-Id", envelope.request_id);
  if (!envelope.keep_alive) {
    out += "Connection: close\r\n";
  } else if (envelope.version_1_0) {
    out += "Connection: keep-alive\r\n";
  }
}

void append_json_text(std::string& out, std::string_view ascii) {
  for (const char c : ascii) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
}

std::string problem_json(const ErrorCode& row, std::string_view detail, std::string_view id) {
  std::string body = R"({"type":"about:blank","title":")";
  append_json_text(body, row.title);
  body += R"(","status":)";
  append_number(body, row.status);
  body += R"(,"detail":")";
  append_json_text(body, detail);
  body += R"(","code":")";
  body += row.code;
  body += R"(","request_id":")";
  body += id;
  body += "\"}\n";
  return body;
}

std::string problem_html(const ErrorCode& row, std::string_view detail, std::string_view id) {
  std::string body = "<!doctype html><meta charset=utf-8><title>";
  body += row.title;
  body += "</title><h1>";
  body += row.title;
  body += "</h1><p>";
  body += detail;
  body += "</p><p><small>";
  body += row.code;
  body += " &middot; ";
  body += id;
  body += "</small></p>\n";
  return body;
}

}  // namespace

void append_number(std::string& out, std::uint64_t value) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

bool is_bodiless(unsigned status) noexcept {
  return status < 200 || status == 204 || status == 304;
}

std::string_view response_fault(const link::ResponseHead& head, const Limits& limits) noexcept {
  if (head.status < 200 || head.status > 599) return "the status is not between 200 and 599";
  if (!all(head.reason, kValue)) return "the reason holds a control byte";
  if (head.reason.size() > 128) return "the reason is too long";
  return headers_fault(head.headers, limits);
}

std::string_view trailers_fault(const std::vector<link::Header>& trailers,
                                const Limits& limits) noexcept {
  return headers_fault(trailers, limits);
}

void append_head(std::string& out, const link::ResponseHead& head, const Framing& framing,
                 const Envelope& envelope) {
  append_status_line(out, head.status, head.reason);
  for (const link::Header& header : head.headers) {
    if (!is_host_field(header.name)) append_field(out, header.name, header.value);
  }
  append_envelope(out, envelope);
  if (framing.body == Framing::Body::Length || framing.announce_length) {
    out += "Content-Length: ";
    append_number(out, framing.length);
    out += "\r\n";
  } else if (framing.body == Framing::Body::Chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  }
  out += "\r\n";
}

void append_chunk_size(std::string& out, std::size_t size) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size, 16).ptr;
  out.append(digits.data(), end);
  out += "\r\n";
}

void append_last_chunk(std::string& out, const std::vector<link::Header>& trailers) {
  out += "0\r\n";
  for (const link::Header& trailer : trailers) {
    if (!is_host_field(trailer.name)) append_field(out, trailer.name, trailer.value);
  }
  out += "\r\n";
}

void append_error(std::string& out, const ErrorAnswer& answer, const Envelope& envelope) {
  const ErrorCode& row = *answer.row;
  const std::string_view detail = answer.detail.empty() ? row.help : answer.detail;
  const bool html = answer.accept.find("text/html") != std::string_view::npos;
  const std::string body = html ? problem_html(row, detail, envelope.request_id)
                                : problem_json(row, detail, envelope.request_id);
  append_status_line(out, row.status, {});
  append_field(out, "Content-Type", html ? "text/html; charset=utf-8" : "application/problem+json");
  append_field(out, "Perilune-Error", row.code);
  if (row.retry_after_s > 0) {
    out += "Retry-After: ";
    append_number(out, row.retry_after_s);
    out += "\r\n";
  }
  append_envelope(out, envelope);
  out += "Content-Length: ";
  append_number(out, body.size());
  out += "\r\n\r\n";
  if (!answer.head_only) out += body;
}

std::string http_date(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 40> text;
  // The C locale's names: nothing here ever calls setlocale.
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

}  // namespace perilune::http1
