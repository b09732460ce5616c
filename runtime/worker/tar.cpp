#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "runtime/worker/bundle.hpp"
#include "runtime/worker/inflater.hpp"

namespace perilune::worker {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kMaxExtension = 64 * 1024;  ///< bytes of one pax or long name header
constexpr std::size_t kMaxPadding = 1U << 20U;    ///< zeros behind the end mark
constexpr const char* kRepack = "Pack it again, for example with: tar -czf app.tar.gz -C app .";

using Block = std::array<char, kBlock>;

std::string_view text_at(const Block& block, std::size_t offset, std::size_t size) {
  const std::string_view field{block.data() + offset, size};
  return field.substr(0, field.find('\0'));
}

/// Octal digits, then NULs or blanks only.
std::optional<std::uint64_t> octal_at(const Block& block, std::size_t offset, std::size_t size) {
  std::string_view field{block.data() + offset, size};
  while (field.starts_with(' ')) field.remove_prefix(1);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value, 8);
  if (error != std::errc{}) return std::nullopt;
  field.remove_prefix(static_cast<std::size_t>(end - field.data()));
  if (field.find_first_not_of(std::string_view{" \0", 2}) != std::string_view::npos)
    return std::nullopt;
  return value;
}

bool checksum_holds(const Block& block) {
  constexpr std::size_t kAt = 148;
  constexpr std::size_t kSize = 8;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const bool own = i >= kAt && i < kAt + kSize;
    sum += own ? static_cast<unsigned char>(' ') : static_cast<unsigned char>(block[i]);
  }
  return octal_at(block, kAt, kSize) == sum;
}

bool is_zero(const Block& block) {
  return std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; });
}

class TarReader {
 public:
  TarReader(ByteSource& source, BundleBuilder& out) : source_{source}, out_{out} {}

  void run() {
    Block block{};
    while (!out_.full()) {
      if (!fill(block)) return damaged("The archive ends without its end mark.");
      if (is_zero(block)) return finish();
      if (!entry(block)) return;
    }
  }

 private:
  bool fill(std::span<char> into) { return source_.read(into) == into.size(); }

  void damaged(const char* what) { out_.refuse(name_, "bad_archive", what, kRepack); }

  /// False when reading cannot go on.
  bool entry(const Block& block) {
    const std::string_view magic{block.data() + 257, 6};
    const bool posix = magic == std::string_view{"ustar\0", 6};
    if (!checksum_holds(block) || (!posix && magic != "ustar ")) {
      damaged("This is no tar archive (ustar, pax or GNU), or it is damaged.");
      return false;
    }
    const auto size = octal_at(block, 124, 12);
    if (!size) {
      damaged("An entry's size is not a number that a bundle could have.");
      return false;
    }
    const char type = block[156];
    if (type == 'x' || type == 'g' || type == 'L' || type == 'K') return extension(type, *size);
    name_ = long_name_.value_or(short_name(block, posix));
    const std::uint64_t length = long_size_.value_or(*size);
    long_name_.reset();
    long_size_.reset();
    return content(type, length);
  }

  static std::string short_name(const Block& block, bool posix) {
    const std::string name{text_at(block, 0, 100)};
    const std::string_view prefix = posix ? text_at(block, 345, 155) : std::string_view{};
    return prefix.empty() ? name : std::string{prefix} + '/' + name;
  }

  bool content(char type, std::uint64_t length) {
    constexpr const char* kPlain = "Bundles hold plain files only.";
    bool keep = false;
    if (type == '5') {
      out_.directory(name_);
    } else if (type == '0' || type == '\0') {
      keep = out_.begin(name_);
    } else if (type == '1' || type == '2') {
      out_.refuse(name_, "link_refused", "The entry is a link.", kPlain);
    } else if (type == '3' || type == '4' || type == '6') {
      out_.refuse(name_, "special_file", "The entry is a device or a pipe.", kPlain);
    } else {
      out_.refuse(name_, "bad_entry", "The entry is of a kind that is not known here.", kPlain);
    }
    // Only these carry data, whatever the size field of the others says.
    const bool data = type == '0' || type == '\0' || type == '7' || type == 'S';
    return !data || copy(length, keep);
  }

  bool copy(std::uint64_t length, bool keep) {
    std::array<char, 16 * 1024> piece{};
    std::uint64_t left = length;
    while (left > 0 && !out_.full()) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(left, piece.size()));
      const std::size_t got = source_.read(std::span{piece}.first(want));
      if (keep)
        out_.append({piece.data(), got}, source_.consumed());
      else
        out_.skip(got, source_.consumed());
      if (got < want) {
        damaged("The archive ends within a file.");
        return false;
      }
      left -= got;
    }
    if (out_.full()) return false;
    const std::size_t padding = (kBlock - length % kBlock) % kBlock;
    if (fill(std::span{piece}.first(padding))) return true;
    damaged("The archive ends within a file.");
    return false;
  }

  bool extension(char type, std::uint64_t size) {
    if (size > kMaxExtension) {
      damaged("An extended header is too long.");
      return false;
    }
    std::string text(size, '\0');
    std::array<char, kBlock> padding{};
    const std::size_t rest = (kBlock - size % kBlock) % kBlock;
    if (!fill(text) || !fill(std::span{padding}.first(rest))) {
      damaged("The archive ends within a header.");
      return false;
    }
    out_.skip(0, source_.consumed());
    if (++extensions_ > 100'000) {
      damaged("The archive has too many extended headers.");
      return false;
    }
    if (type == 'L') long_name_ = text.substr(0, text.find('\0'));
    if (type == 'x' || type == 'g') return pax(text, type == 'g');
    return true;
  }

  /// Records of the form "LENGTH KEY=VALUE\n".
  bool pax(std::string_view text, bool global) {
    while (!text.empty()) {
      std::size_t length = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
      const auto digits = static_cast<std::size_t>(end - text.data());
      const bool sane = error == std::errc{} && length <= text.size() && length > digits + 2 &&
                        text[digits] == ' ' && text[length - 1] == '\n';
      if (!sane) {
        damaged("An extended header is damaged.");
        return false;
      }
      const std::string_view record = text.substr(digits + 1, length - digits - 2);
      text.remove_prefix(length);
      if (!pax_record(record, global)) return false;
    }
    return true;
  }

  bool pax_record(std::string_view record, bool global) {
    const std::string_view key = record.substr(0, record.find('='));
    const std::string_view value = record.substr(std::min(record.size(), key.size() + 1));
    const bool known = key == "path" || key == "size";
    if ((known && global) || key.starts_with("GNU.sparse")) {
      damaged("The archive has sparse files or global names.");
      return false;
    }
    if (key == "path") long_name_ = value;
    if (key != "size") return true;
    std::uint64_t size = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
    if (error != std::errc{} || end != value.data() + value.size()) {
      damaged("An extended header is damaged.");
      return false;
    }
    long_size_ = size;
    return true;
  }

  /// Behind the end mark only zeros may follow; reading on checks gzip's own sum, too.
  void finish() {
    Block block{};
    std::size_t padding = 0;
    while (const std::size_t got = source_.read(block)) {
      padding += got;
      std::fill(block.begin() + static_cast<std::ptrdiff_t>(got), block.end(), '\0');
      if (!is_zero(block) || padding > kMaxPadding)
        return damaged("Something follows the archive's end.");
    }
    if (source_.damaged()) damaged("The archive's checksum is wrong.");
  }

  ByteSource& source_;
  BundleBuilder& out_;
  std::string name_;
  std::optional<std::string> long_name_;
  std::optional<std::uint64_t> long_size_;
  std::size_t extensions_ = 0;
};

}  // namespace

void read_tar(std::string_view upload, BundleBuilder& out) {
  const bool gzip = upload.starts_with("\x1f\x8b");
  ByteSource source{upload, gzip ? ByteSource::Kind::Gzip : ByteSource::Kind::Plain};
  TarReader{source, out}.run();
}

}  // namespace perilune::worker
