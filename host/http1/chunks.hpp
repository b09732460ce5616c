#pragma once

/// @file
/// Takes chunked bodies apart (RFC 9112 section 7.1), as they come and strictly.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host/http1/head_parser.hpp"

namespace perilune::http1 {

/// Of one chunk-size line, extensions included, without CRLF.
inline constexpr std::size_t kMaxChunkLine = 256;

class ChunkDecoder {
 public:
  enum class Event : std::uint8_t {
    NeedMore,  ///< all bytes are taken
    Data,      ///< `data` is a piece of the body, a view into the bytes given
    End,       ///< the body and its trailers are complete
    Refused,   ///< see `refusal()`; nothing after it makes sense
  };

  /// `most`: bytes of the body as sent, framing included. Trailers are held against `trailers`.
  ChunkDecoder(std::uint64_t most, HeadLimits trailers) noexcept : most_{most}, limits_{trailers} {}

  /// Takes bytes from the front of `bytes` up to the next event. After End what is left belongs to
  /// the next message.
  [[nodiscard]] Event next(std::string_view& bytes, std::string_view& data);

  [[nodiscard]] const Refusal& refusal() const noexcept { return refusal_; }
  /// Valid after End, as long as the decoder lives.
  [[nodiscard]] const std::vector<link::Header>& trailers() const noexcept { return trailers_; }
  /// Bytes taken so far.
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }

 private:
  enum class State : std::uint8_t {
    FirstDigit,
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
    End
  };
  [[nodiscard]] bool size_byte(char c);
  [[nodiscard]] bool after_size(char c);
  [[nodiscard]] bool trailer_line(std::string_view& bytes);
  [[nodiscard]] bool parse_trailers();
  [[nodiscard]] std::string_view take(std::string_view& bytes, std::size_t count) noexcept;
  bool refuse(std::string_view code, std::string_view detail) noexcept {
    refusal_ = {code, detail};
    return false;
  }
  bool bad(std::string_view detail) noexcept { return refuse("bad_request", detail); }

  std::uint64_t most_;
  HeadLimits limits_;
  Refusal refusal_;
  State state_ = State::FirstDigit;
  std::uint64_t size_ = 0;  ///< of the chunk; then what is left of it
  std::uint64_t taken_ = 0;
  std::size_t line_ = 0;  ///< bytes of the size line so far
  std::string text_;      ///< trailers as received
  std::size_t trailer_start_ = 0;
  std::vector<link::Header> trailers_;
};

}  // namespace perilune::http1
