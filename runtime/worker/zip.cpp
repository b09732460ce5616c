#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "runtime/worker/bundle.hpp"
#include "runtime/worker/inflater.hpp"

namespace perilune::worker {
namespace {

constexpr std::uint32_t kLocal = 0x04034b50;
constexpr std::uint32_t kCentral = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kCentralSize = 46;
constexpr std::size_t kEndSize = 22;
constexpr const char* kRepack = "Pack it again, for example with: zip -r app.zip .";

struct Entry {
  std::string_view name;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint32_t packed = 0;
  std::uint32_t size = 0;
  std::uint32_t mode = 0;  ///< Unix mode, 0: the archive was not made on Unix
  std::uint32_t offset = 0;
};

class ZipReader {
 public:
  ZipReader(std::string_view zip, BundleBuilder& out) : zip_{zip}, out_{out} {}

  void run() {
    const auto end = find_end();
    if (!end) return damaged("This is no zip archive, or it is damaged.");
    const std::size_t count = u16(*end + 10);
    const std::size_t size = u32(*end + 12);
    const std::size_t start = u32(*end + 16);
    if (u16(*end + 4) != 0 || u16(*end + 6) != 0 || u16(*end + 8) != count)
      return damaged("The archive has several volumes.");
    // One exact place for everything: no bytes before, between or behind the directory.
    if (start > *end || size != *end - start || count == 0xFFFF || start == 0xFFFFFFFF)
      return damaged("The archive's directory is not where its end says, or it is zip64.");
    directory_ = start;
    std::size_t at = start;
    for (std::size_t i = 0; i < count && !out_.full(); ++i) {
      if (!entry(at, *end)) return;
    }
    if (!out_.full() && at != *end) damaged("The archive's directory is damaged.");
  }

 private:
  [[nodiscard]] std::uint16_t u16(std::size_t at) const {
    return static_cast<std::uint16_t>(byte(at) | (byte(at + 1) << 8U));
  }
  [[nodiscard]] std::uint32_t u32(std::size_t at) const {
    return u16(at) | (static_cast<std::uint32_t>(u16(at + 2)) << 16U);
  }
  [[nodiscard]] unsigned byte(std::size_t at) const { return static_cast<unsigned char>(zip_[at]); }

  void damaged(const char* what) { out_.refuse(name_, "bad_archive", what, kRepack); }

  /// The end record whose comment reaches exactly to the end of the upload.
  [[nodiscard]] std::optional<std::size_t> find_end() const {
    if (zip_.size() < kEndSize) return std::nullopt;
    const std::size_t last = zip_.size() - kEndSize;
    const std::size_t first = last > 0xFFFF ? last - 0xFFFF : 0;
    for (std::size_t at = last + 1; at-- > first;) {
      if (u32(at) == kEnd && u16(at + 20) == last - at) return at;
    }
    return std::nullopt;
  }

  bool entry(std::size_t& at, std::size_t end) {
    if (end - at < kCentralSize || u32(at) != kCentral) {
      damaged("The archive's directory is damaged.");
      return false;
    }
    Entry e;
    e.flags = u16(at + 8);
    e.method = u16(at + 10);
    e.crc = u32(at + 16);
    e.packed = u32(at + 20);
    e.size = u32(at + 24);
    constexpr unsigned kUnix = 3;
    if (byte(at + 5) == kUnix) e.mode = u32(at + 38) >> 16U;
    e.offset = u32(at + 42);
    const std::size_t name = u16(at + 28);
    const std::size_t variable = name + u16(at + 30) + u16(at + 32);
    if (variable > end - at - kCentralSize) {
      damaged("The archive's directory is damaged.");
      return false;
    }
    e.name = zip_.substr(at + kCentralSize, name);
    name_ = e.name;
    at += kCentralSize + variable;
    return check_kind(e) ? extract(e) : !out_.full();
  }

  /// False if the entry is refused or has no contents.
  bool check_kind(const Entry& e) {
    constexpr std::uint32_t kType = 0170000;
    constexpr std::uint32_t kRegular = 0100000;
    constexpr std::uint32_t kDirectory = 0040000;
    constexpr std::uint32_t kLink = 0120000;
    constexpr const char* kPlain = "Bundles hold plain files only.";
    const std::uint32_t type = e.mode & kType;
    if ((e.flags & 0x2041U) != 0) {
      out_.refuse(e.name, "encrypted", "The entry is encrypted.", "Pack it without a password.");
      return false;
    }
    if (type == kLink) {
      out_.refuse(e.name, "link_refused", "The entry is a link.", kPlain);
      return false;
    }
    if (type == kDirectory || e.name.ends_with('/')) {
      if (e.size != 0) damaged("A folder has contents.");
      out_.directory(e.name);
      return false;
    }
    if (type != 0 && type != kRegular) {
      out_.refuse(e.name, "special_file", "The entry is a device or a pipe.", kPlain);
      return false;
    }
    if (e.method != 0 && e.method != 8) {
      out_.refuse(e.name, "bad_entry", "The entry is packed with a method other than deflate.",
                  kRepack);
      return false;
    }
    return true;
  }

  bool extract(const Entry& e) {
    const auto data = data_of(e);
    if (!data) {
      damaged("An entry is not where the directory says.");
      return false;
    }
    if (!out_.begin(e.name)) return !out_.full();
    ByteSource source{*data, e.method == 8 ? ByteSource::Kind::Raw : ByteSource::Kind::Plain};
    std::array<char, 16 * 1024> piece{};
    std::uint64_t size = 0;
    uLong crc = crc32(0, nullptr, 0);
    while (const std::size_t got = source.read(piece)) {
      size += got;
      if (size > e.size) break;
      crc = crc32(crc, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(got));
      out_.append({piece.data(), got}, consumed_ + source.consumed());
      if (out_.full()) return false;
    }
    consumed_ += e.packed;
    const bool whole = source.ended() || data->empty();
    if (whole && !source.damaged() && size == e.size && crc == e.crc &&
        source.consumed() == e.packed)
      return true;
    damaged("An entry's size or checksum is wrong.");
    return false;
  }

  /// Where the entry's bytes are. The local header must tell the same story, and entries must lie
  /// one behind the other: overlapping ones are how small archives unpack to petabytes.
  std::optional<std::string_view> data_of(const Entry& e) {
    if (e.offset < next_ || e.offset > directory_ || directory_ - e.offset < kLocalSize)
      return std::nullopt;
    if (u32(e.offset) != kLocal || u16(e.offset + 6) != e.flags || u16(e.offset + 8) != e.method)
      return std::nullopt;
    const std::size_t name = u16(e.offset + 26);
    const std::size_t start = e.offset + kLocalSize + name + u16(e.offset + 28);
    if (start > directory_ || e.packed > directory_ - start) return std::nullopt;
    if (zip_.substr(e.offset + kLocalSize, name) != e.name) return std::nullopt;
    constexpr std::uint16_t kSizesFollow = 8;
    const bool same = u32(e.offset + 14) == e.crc && u32(e.offset + 18) == e.packed &&
                      u32(e.offset + 22) == e.size;
    if (!same && (e.flags & kSizesFollow) == 0) return std::nullopt;
    next_ = start + e.packed;
    return zip_.substr(start, e.packed);
  }

  std::string_view zip_;
  BundleBuilder& out_;
  std::string_view name_;
  std::size_t directory_ = 0;
  std::size_t next_ = 0;
  std::uint64_t consumed_ = 0;
};

}  // namespace

void read_zip(std::string_view upload, BundleBuilder& out) { ZipReader{upload, out}.run(); }

}  // namespace perilune::worker
