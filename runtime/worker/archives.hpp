#pragma once

/// @file
/// Archives for tests, byte by byte, so that they can be wrong in every way.

#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace perilune::worker::test {

struct TarEntry {
  std::string name;
  std::string data = {};
  char type = '0';
  std::string prefix = {};
};

inline std::string tar_header(const TarEntry& entry) {
  std::string block(512, '\0');
  block.replace(0, entry.name.size(), entry.name);
  const auto field = [&block](std::size_t at, int width, std::uint64_t value) {
    char text[32];
    std::snprintf(text, sizeof text, "%0*llo", width, static_cast<unsigned long long>(value));
    block.replace(at, static_cast<std::size_t>(width), text);
  };
  field(100, 7, 0644);
  field(108, 7, 0);
  field(116, 7, 0);
  field(124, 11, entry.data.size());
  field(136, 11, 0);
  block[156] = entry.type;
  block.replace(257, 8, std::string{"ustar\00000", 8});
  block.replace(345, entry.prefix.size(), entry.prefix);
  block.replace(148, 8, "        ");
  std::uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  field(148, 6, sum);
  block[154] = '\0';
  return block;
}

inline std::string tar(const std::vector<TarEntry>& entries, bool ended = true) {
  std::string out;
  for (const TarEntry& entry : entries) {
    out += tar_header(entry) + entry.data;
    out.resize((out.size() + 511) / 512 * 512);
  }
  if (ended) out.resize(out.size() + 1024);
  return out;
}

inline std::string pax(std::string_view key, std::string_view value) {
  const std::string rest = ' ' + std::string{key} + '=' + std::string{value} + '\n';
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

/// `window`: 31 gzip, -15 raw.
inline std::string deflated(std::string_view text, int window) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string gzip(std::string_view text) { return deflated(text, 31); }

struct ZipEntry {
  std::string name;
  std::string data = {};
  bool deflate = true;
  std::uint16_t flags = 0;
  std::uint32_t mode = 0100644;
  std::string local_name = {};     ///< if it differs
  std::uint32_t wrong_crc = 0;     ///< added
  std::uint32_t claimed_size = 0;  ///< if not 0
};

inline std::string le(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>((value >> (8 * i)) & 0xFFU);
  return out;
}

inline std::string zip(const std::vector<ZipEntry>& entries, std::string_view before = {}) {
  std::string out{before};
  std::string directory;
  for (const ZipEntry& e : entries) {
    const std::string packed = e.deflate ? deflated(e.data, -15) : e.data;
    const auto crc = static_cast<std::uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(e.data.data()), static_cast<uInt>(e.data.size())));
    const std::size_t size = e.claimed_size != 0 ? e.claimed_size : e.data.size();
    const std::string common = le(20, 2) + le(e.flags, 2) + le(e.deflate ? 8 : 0, 2) + le(0, 4) +
                               le(crc + e.wrong_crc, 4) + le(packed.size(), 4) + le(size, 4);
    const std::string& local = e.local_name.empty() ? e.name : e.local_name;
    directory += "PK\1\2" + le(0x0314, 2) + common + le(e.name.size(), 2) + le(0, 8) +
                 le(static_cast<std::uint64_t>(e.mode) << 16U, 4) + le(out.size(), 4) + e.name;
    out += "PK\3\4" + common + le(local.size(), 2) + le(0, 2) + local + packed;
  }
  const std::size_t start = out.size();
  return out + directory + "PK\5\6" + le(0, 4) + le(entries.size(), 2) + le(entries.size(), 2) +
         le(directory.size(), 4) + le(start, 4) + le(0, 2);
}

}  // namespace perilune::worker::test
