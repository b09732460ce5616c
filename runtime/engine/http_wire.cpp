#include "runtime/engine/http_wire.hpp"

#include <array>
#include <charconv>

#include "runtime/http_status.hpp"

namespace perilune::runtime {
namespace {

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), end);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void append_start_line(std::string& out, const OutgoingHead& head, const WireOptions& options) {
  const std::string_view version = options.http10 ? "HTTP/1.0" : "HTTP/1.1";
  if (head.kind == MessageKind::Request) {
    out.append(head.method).append(" ").append(head.target).append(" ").append(version);
  } else {
    const auto reason =
        head.response.reason.empty() ? reason_phrase(head.response.status) : head.response.reason;
    out.append("HTTP/1.1 ");
    append_number(out, head.response.status);
    out.append(" ").append(reason);
  }
  out.append("\r\n");
}

}  // namespace

void append_head(std::string& out, const OutgoingHead& head, const WireOptions& options) {
  append_start_line(out, head, options);
  bool host = false;
  for (const link::Header& field : head.response.headers) {
    append_field(out, field.name, field.value);
    host = host || equal_names(field.name, "host");
  }
  if (head.kind == MessageKind::Request && !host) append_field(out, "host", options.host);
  if (head.has_length) {
    if (head.response.content_length == UINT64_MAX) {
      append_field(out, "transfer-encoding", "chunked");
    } else {
      out.append("content-length: ");
      append_number(out, head.response.content_length);
      out.append("\r\n");
    }
  }
  if (head.upgrade) {
    append_field(out, "connection", "upgrade");
  } else if (options.close) {
    append_field(out, "connection", "close");
  } else if (options.keep_alive_http10) {
    append_field(out, "connection", "keep-alive");
  }
  out.append("\r\n");
}

void append_chunk(std::string& out, std::string_view body) {
  append_number(out, body.size(), 16);
  out.append("\r\n").append(body).append("\r\n");
}

void append_last_chunk(std::string& out, const HeaderMap* trailers) {
  out.append("0\r\n");
  for (std::size_t i = 0; trailers != nullptr && i < trailers->size(); ++i)
    append_field(out, (*trailers)[i].name, (*trailers)[i].value);
  out.append("\r\n");
}

}  // namespace perilune::runtime
