#pragma once

/// @file
/// What did the client ask for? The strict RFC 9112 parser of request heads.
///
/// It reads bytes and knows no sockets. One parser, one grammar: what it refuses nobody behind it
/// sees, and what it accepts has one reading. Nothing is repaired (bare LF, folded lines, blanks
/// before a colon, duplicate lengths are all refused), because a repair is a second reading.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/limits.hpp"
#include "runtime/link/messages.hpp"

namespace perilune::http1 {

/// A length beyond this is refused: the greatest integer that every language holds exactly.
inline constexpr std::uint64_t kMaxLength = std::uint64_t{1} << 53U;
inline constexpr std::size_t kMaxMethod = 32;

/// Bytes and lines that a head may have. A field line counts without its CRLF, the whole block
/// with.
struct HeadLimits {
  std::size_t target = 8192;
  std::size_t header = 8192;
  std::size_t headers = 32768;
  std::size_t count = 100;

  HeadLimits() = default;
  explicit HeadLimits(const Limits& limits) noexcept;
};

/// Why a message is refused: a code of runtime/outcome.hpp and a sentence for the client. Both are
/// literals. Empty: it is not refused.
struct Refusal {
  std::string_view code;
  std::string_view detail;
  [[nodiscard]] explicit operator bool() const noexcept { return !code.empty(); }
};

/// A request's head; all texts are views into the bytes that were parsed.
struct RequestHead {
  std::string_view method;
  std::string_view target;  ///< origin-form ("/path?query") or "*" (OPTIONS only)
  std::string_view host;    ///< authority as sent; of the target if that was absolute
  /// End-to-end fields in order, names as sent. Hop-by-hop fields (Connection, Keep-Alive,
  /// Proxy-Connection, TE, Transfer-Encoding, Upgrade) are not among them.
  std::vector<link::Header> headers;
  std::string_view accept;           ///< first Accept, or empty
  std::uint64_t content_length = 0;  ///< 0 without a body, meaningless when chunked
  bool chunked = false;
  bool expect_continue = false;
  bool keep_alive = true;
  bool version_1_0 = false;

  [[nodiscard]] bool has_body() const noexcept { return chunked || content_length > 0; }
  void clear() noexcept;
};

/// Finds the end of a head in a growing buffer, then takes it apart.
class HeadParser {
 public:
  enum class Step : std::uint8_t { NeedMore, Complete, Refused };

  explicit HeadParser(HeadLimits limits) noexcept : limits_{limits} {}

  /// `bytes` is everything received since the last `reset`, always from the same first byte; it may
  /// have moved. Limits are enforced as bytes come, not when the head is whole, and the request
  /// line is judged when its CRLF is there: whoever sends a wrong one and then waits is told at
  /// once.
  ///
  /// On Complete `head` is filled and `size()` bytes belong to the head. Before that it is scratch
  /// space.
  [[nodiscard]] Step parse(std::string_view bytes, RequestHead& head);

  [[nodiscard]] const Refusal& refusal() const noexcept { return refusal_; }
  /// Bytes of the head, an empty line in front of it included.
  [[nodiscard]] std::size_t size() const noexcept { return line_start_; }
  /// A byte of a head has come (the header timer runs).
  [[nodiscard]] bool begun() const noexcept { return seen_ > 0; }
  void reset() noexcept;

 private:
  [[nodiscard]] Step find_end(std::string_view bytes, RequestHead& head);
  [[nodiscard]] bool line_fits(std::size_t length) noexcept;
  [[nodiscard]] bool check_partial(std::string_view bytes) noexcept;
  [[nodiscard]] bool take_apart(std::string_view block, RequestHead& head);
  [[nodiscard]] bool request_line(std::string_view line, RequestHead& head);
  [[nodiscard]] bool split_target(std::string_view target, RequestHead& head);
  bool refuse(std::string_view code, std::string_view detail) noexcept {
    refusal_ = {code, detail};
    return false;
  }
  bool bad(std::string_view detail) noexcept { return refuse("bad_request", detail); }

  HeadLimits limits_;
  Refusal refusal_;
  std::size_t begin_ = 0;        ///< of the request line
  std::size_t line_start_ = 0;   ///< of the line that is being received
  std::size_t first_field_ = 0;  ///< 0 while the request line is incomplete
  std::size_t seen_ = 0;         ///< bytes searched for a line's end
  std::size_t fields_ = 0;
};

/// Splits "Name: value" strictly; the value is trimmed. An empty refusal means it is fine.
[[nodiscard]] Refusal split_field(std::string_view line, link::Header& field) noexcept;

/// 1*DIGIT up to kMaxLength.
[[nodiscard]] bool parse_length(std::string_view text, std::uint64_t& length) noexcept;

/// A field that frames or routes the message, which neither a trailer nor a look-alike may be.
[[nodiscard]] bool is_framing_field(std::string_view name) noexcept;

}  // namespace perilune::http1
