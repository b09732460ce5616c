#pragma once

/// @file
/// Decompression as a pull source: as many bytes as asked for, never more memory than the caller's
/// buffer.

#include <zlib.h>

#include <cstdint>
#include <span>
#include <string_view>

namespace perilune::worker {

/// Reads bytes of an upload: as they are, inflated from gzip members, or inflated raw (zip).
class ByteSource {
 public:
  enum class Kind : std::uint8_t { Plain, Gzip, Raw };

  ByteSource(std::string_view packed, Kind kind) noexcept;
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Fills `out` as far as there are bytes; fewer only at the end or at damage.
  [[nodiscard]] std::size_t read(std::span<char> out) noexcept;
  [[nodiscard]] bool damaged() const noexcept { return damaged_; }
  /// Packed bytes read so far.
  [[nodiscard]] std::uint64_t consumed() const noexcept { return consumed_; }
  /// The stream ended by its own mark (Plain: all was read).
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  std::size_t inflate_some(std::span<char> out) noexcept;
  void next_member() noexcept;

  std::string_view packed_;
  Kind kind_;
  std::uint64_t consumed_ = 0;
  bool damaged_ = false;
  bool ended_ = false;
  bool open_ = false;
  z_stream stream_{};
};

}  // namespace perilune::worker
