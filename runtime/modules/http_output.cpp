#include "runtime/modules/http_output.hpp"

#include <charconv>
#include <string>
#include <utility>

namespace perilune::runtime {
namespace {

constexpr std::uint64_t kStreamed = UINT64_MAX;

HttpFault invalid(std::string what) { return {HttpErrc::InvalidHeader, std::move(what), {}}; }

/// A name that may itself be the attack is shown with what is not printable masked.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 64)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return '\'' + out + '\'';
}

std::optional<HttpFault> check_field(const HeaderMap::Field& field) {
  if (!is_token(field.name)) return invalid("header " + shown(field.name) + ": not a header name");
  if (!is_field_value(field.value))
    return invalid("header " + shown(field.name) + ": its value holds a control character");
  return {};
}

std::optional<HttpFault> check_size(const HeaderMap& fields, const HttpLimits& limits) {
  if (fields.size() > limits.response_header_count)
    return HttpFault{HttpErrc::HeadersTooLarge,
                     std::to_string(fields.size()) + " headers; response_header_count allows " +
                         std::to_string(limits.response_header_count),
                     {}};
  if (fields.wire_bytes() > limits.response_headers)
    return HttpFault{HttpErrc::HeadersTooLarge,
                     std::to_string(fields.wire_bytes()) +
                         " bytes of headers; response_headers allows " +
                         std::to_string(limits.response_headers),
                     {}};
  return {};
}

enum class Framing : std::uint8_t { None, ContentLength, TransferEncoding, Connection, KeepAlive };

Framing framing_of(std::string_view name) noexcept {
  switch (name.size()) {
    case 10:
      if (equal_names(name, "connection")) return Framing::Connection;
      return equal_names(name, "keep-alive") ? Framing::KeepAlive : Framing::None;
    case 14: return equal_names(name, "content-length") ? Framing::ContentLength : Framing::None;
    case 17:
      return equal_names(name, "transfer-encoding") ? Framing::TransferEncoding : Framing::None;
    default: return Framing::None;
  }
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
  text = trimmed(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() ||
      value == kStreamed)
    return {};
  return value;
}

/// Sorts the fields into `out`; `given` becomes the app's own content-length.
std::optional<HttpFault> take_fields(const HttpMessage& message, OutgoingHead& out,
                                     std::optional<std::uint64_t>& given) {
  const HeaderMap& fields = message.headers;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const auto field = fields[i];
    if (auto fault = check_field(field)) return fault;
    switch (framing_of(field.name)) {
      case Framing::None: out.response.headers.push_back({field.name, field.value}); break;
      case Framing::ContentLength: {
        const auto length = parse_length(field.value);
        if (!length || (given && *given != *length))
          return invalid("header 'content-length': not one number");
        given = length;
        break;
      }
      case Framing::TransferEncoding:
        if (!equal_names(trimmed(field.value), "chunked"))
          return invalid("header 'transfer-encoding': the socket frames the message itself");
        break;
      case Framing::Connection:
        if (fields.lists("connection", "close")) out.close = true;
        if (fields.lists("connection", "upgrade")) out.upgrade = true;
        break;
      case Framing::KeepAlive: break;
    }
  }
  return {};
}

/// Decides about body and length of a response or request.
std::optional<HttpFault> frame(const HttpMessage& message, const HeadPurpose& purpose,
                               std::optional<std::uint64_t> given, OutgoingHead& out) {
  const bool response = message.kind == MessageKind::Response;
  const bool bodiless = response && (message.status < 200 || message.status == 204 ||
                                     (purpose.answers_connect && message.status / 100 == 2));
  const bool not_modified = response && message.status == 304;
  out.send_body = !bodiless && !not_modified && !(response && purpose.answers_head);
  out.has_length = !bodiless && (!not_modified || given.has_value());
  if (!response && purpose.whole) out.has_length = given || !message.body().empty();
  if (!purpose.whole) {
    if (bodiless || not_modified)
      return invalid("status " + std::to_string(message.status) + " can't have a body");
    out.response.content_length = given.value_or(kStreamed);
    return {};
  }
  if (out.send_body && given && *given != message.body().size())
    return HttpFault{HttpErrc::ContentLengthMismatch,
                     "content-length says " + std::to_string(*given) + ", the body has " +
                         std::to_string(message.body().size()) + " bytes",
                     {}};
  out.response.content_length = bodiless ? 0 : given.value_or(message.body().size());
  if (not_modified && !given) out.response.content_length = 0;
  return {};
}

}  // namespace

std::optional<HttpFault> prepare_head(const HttpMessage& message, const HeadPurpose& purpose,
                                      const HttpLimits& limits, OutgoingHead& out) {
  out.kind = message.kind;
  out.close = out.upgrade = false;
  out.response.headers.clear();
  if (message.kind == MessageKind::Request) {
    if (!is_token(message.method)) return invalid("method " + shown(message.method));
    if (!is_target(message.target)) return invalid("target " + shown(message.target));
    out.method = message.method;
    out.target = message.target;
  } else {
    if (message.status < 100 || message.status > 599)
      return invalid("status " + std::to_string(message.status) + " is not in 100..599");
    if (!is_field_value(message.reason)) return invalid("reason " + shown(message.reason));
    out.response.status = message.status;
    out.response.reason = message.reason;
  }
  if (auto fault = check_size(message.headers, limits)) return fault;
  std::optional<std::uint64_t> given;
  if (auto fault = take_fields(message, out, given)) return fault;
  return frame(message, purpose, given, out);
}

std::optional<HttpFault> check_trailers(const HeaderMap& trailers, const HttpLimits& limits) {
  if (auto fault = check_size(trailers, limits)) return fault;
  for (std::size_t i = 0; i < trailers.size(); ++i) {
    if (auto fault = check_field(trailers[i])) return fault;
    if (framing_of(trailers[i].name) != Framing::None)
      return invalid("trailer " + shown(trailers[i].name) + ": framing can't come after the body");
  }
  return {};
}

}  // namespace perilune::runtime
