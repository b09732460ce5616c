#pragma once

/// @file
/// Is what an app answers valid HTTP, and how does the host write it down?
///
/// The host owns the framing: Connection, Content-Length, Date, Keep-Alive, Proxy-Connection, TE,
/// Trailer, Transfer-Encoding, Upgrade and Perilune-* of an app are dropped and written by us.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/limits.hpp"
#include "runtime/link/messages.hpp"
#include "runtime/outcome.hpp"

namespace perilune::http1 {

/// Empty if the head may be sent, else why not. Status 200 to 599 (interim and upgrade responses
/// are not an app's to send), names are tokens, nothing holds a control byte, within the app's
/// response limits.
[[nodiscard]] std::string_view response_fault(const link::ResponseHead& head,
                                              const Limits& limits) noexcept;
/// The same for trailers.
[[nodiscard]] std::string_view trailers_fault(const std::vector<link::Header>& trailers,
                                              const Limits& limits) noexcept;

/// How a response is framed.
struct Framing {
  enum class Body : std::uint8_t { None, Length, Chunked, UntilClose } body = Body::None;
  std::uint64_t length = 0;
  bool announce_length = false;  ///< with Body::None: HEAD of a response of known length
};

struct Envelope {
  std::string_view request_id;  ///< 32 hex digits
  std::string_view date;        ///< IMF-fixdate
  bool keep_alive = true;
  bool version_1_0 = false;  ///< of the request
};

/// No body whatever the head says: 1xx, 204, 304.
[[nodiscard]] bool is_bodiless(unsigned status) noexcept;

void append_head(std::string& out, const link::ResponseHead& head, const Framing& framing,
                 const Envelope& envelope);
/// "1f\r\n" of a chunk of so many bytes (not 0).
void append_chunk_size(std::string& out, std::size_t size);
/// The last chunk with trailers.
void append_last_chunk(std::string& out, const std::vector<link::Header>& trailers);

/// A whole answer that Perilune gives itself, as problem+json, or as HTML to who asks for it.
struct ErrorAnswer {
  const ErrorCode* row = nullptr;
  std::string_view detail;  ///< more exact than the row's help, or empty
  std::string_view accept;
  bool head_only = false;
};
void append_error(std::string& out, const ErrorAnswer& answer, const Envelope& envelope);

/// Appends a decimal number.
void append_number(std::string& out, std::uint64_t value);
/// "Mon, 23 Nov 2026 19:00:00 GMT"
[[nodiscard]] std::string http_date(std::int64_t unix_seconds);

}  // namespace perilune::http1
