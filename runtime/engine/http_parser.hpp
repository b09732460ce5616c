#pragma once

/// @file
/// Reads HTTP/1.x messages out of a byte stream, piece by piece, within limits.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "runtime/modules/http_backend.hpp"

namespace perilune::runtime {

enum class ParseResult : std::uint8_t {
  Progress,     ///< something was consumed or changed; put the rest
  NeedMore,     ///< nothing to do without more bytes
  BodyFull,     ///< the message may not hold more body; nothing was lost
  NoMemory,     ///< the VM has no memory for the body
  LineTooLong,  ///< target or header line over its limit
  TooLarge,     ///< headers over their limit
  Malformed,    ///< `complaint()` says what
};

/// One message at a time: `start`, then `put` until `done()`. Strict: whatever Beast refuses, and
/// requests without exactly one Host.
class HttpParser {
 public:
  enum class Mode : std::uint8_t { Request, Response, ResponseToHead, ResponseToConnect };

  HttpParser();
  ~HttpParser();
  HttpParser(const HttpParser&) = delete;
  HttpParser& operator=(const HttpParser&) = delete;

  /// Begins a message. `limits` must outlive it.
  void start(Mode mode, const HttpLimits& limits);
  /// Parses one step of `bytes` into `into` (nullptr: the body is thrown away); `consumed` becomes
  /// how many bytes are done with.
  [[nodiscard]] ParseResult put(std::string_view bytes, HttpMessage* into, std::size_t& consumed);
  /// The stream ended: completes a message that lasts until then.
  [[nodiscard]] ParseResult put_eof();

  [[nodiscard]] bool started() const noexcept;  ///< bytes of this message were consumed
  [[nodiscard]] bool head_done() const noexcept;
  [[nodiscard]] bool done() const noexcept;
  [[nodiscard]] bool keep_alive() const noexcept;
  [[nodiscard]] bool http10() const noexcept;
  /// What a 400 says: "Invalid data", "Host missing", ...
  [[nodiscard]] std::string_view complaint() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace perilune::runtime
