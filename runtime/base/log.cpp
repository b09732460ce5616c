#include "runtime/base/log.hpp"

#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace perilune::log {
namespace {

std::atomic<Level> g_level{Level::Info};
std::atomic<int> g_descriptor{STDOUT_FILENO};

constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warn", "error"};

/// One row of Unicode 15, table 3-7: lead bytes, length, bounds of the second byte.
struct Utf8Row {
  unsigned char first;
  unsigned char last;
  std::size_t length;
  unsigned char low;
  unsigned char high;
};
constexpr std::array<Utf8Row, 9> kUtf8Rows{{{0x00, 0x7F, 1, 0, 0},
                                            {0xC2, 0xDF, 2, 0x80, 0xBF},
                                            {0xE0, 0xE0, 3, 0xA0, 0xBF},
                                            {0xE1, 0xEC, 3, 0x80, 0xBF},
                                            {0xED, 0xED, 3, 0x80, 0x9F},
                                            {0xEE, 0xEF, 3, 0x80, 0xBF},
                                            {0xF0, 0xF0, 4, 0x90, 0xBF},
                                            {0xF1, 0xF3, 4, 0x80, 0xBF},
                                            {0xF4, 0xF4, 4, 0x80, 0x8F}}};

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Length of the well-formed UTF-8 sequence at the front of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (const Utf8Row& row : kUtf8Rows) {
    if (at(0) < row.first || at(0) > row.last) continue;
    if (text.size() < row.length) return 0;
    if (row.length > 1 && (at(1) < row.low || at(1) > row.high)) return 0;
    for (std::size_t i = 2; i < row.length; ++i) {
      if (at(i) < 0x80 || at(i) > 0xBF) return 0;
    }
    return row.length;
  }
  return 0;
}

void append_escaped(std::string& out, unsigned char byte) {
  switch (byte) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  std::array<char, 8> hex{};
  (void)std::snprintf(hex.data(), hex.size(), "\\u%04x", byte);
  out += hex.data();
}

void append_value(std::string& out, const Field& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) {
    append_json_string(out, *text);
  } else if (const auto* number = std::get_if<std::int64_t>(&field.value)) {
    out += std::to_string(*number);
  } else if (const auto* real = std::get_if<double>(&field.value)) {
    out += std::to_string(*real);
  } else if (const auto* json = std::get_if<Json>(&field.value)) {
    out += json->text;
  } else {
    out += std::get<bool>(field.value) ? "true" : "false";
  }
}

}  // namespace

void set_level(Level level) noexcept { g_level = level; }
void set_descriptor(int fd) noexcept { g_descriptor = fd; }

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7F) {
      append_escaped(out, byte);
      text.remove_prefix(1);
      continue;
    }
    const std::size_t length = utf8_length(text);
    out += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += '"';
}

std::string well_formed(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    out += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string timestamp(std::int64_t unix_milliseconds) {
  const std::time_t seconds = unix_milliseconds / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 80> text{};
  const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 16> fraction{};
  (void)std::snprintf(fraction.data(), fraction.size(), ".%03dZ",
                      static_cast<int>(unix_milliseconds % 1000));
  return std::string{text.data(), length} + fraction.data();
}

std::int64_t now_milliseconds() noexcept {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count();
}

void write(Level level, std::string_view message, std::span<const Field> fields) noexcept {
  if (level < g_level.load(std::memory_order_relaxed)) return;
  try {
    std::string line = "{\"time\":\"" + timestamp(now_milliseconds()) + "\",\"level\":\"";
    line += kLevelNames[static_cast<std::size_t>(level)];
    line += "\",\"msg\":";
    append_json_string(line, message);
    for (const Field& field : fields) {
      line += ',';
      append_json_string(line, field.key);
      line += ':';
      append_value(line, field);
    }
    line += "}\n";
    // One write: lines of several threads do not mix. A full pipe loses the line rather than the
    // service.
    [[maybe_unused]] const auto written =
        ::write(g_descriptor.load(std::memory_order_relaxed), line.data(), line.size());
  } catch (const std::bad_alloc&) {
    // Out of memory while logging: the line is lost; whoever is out of memory will say so by
    // failing.
  }
}

}  // namespace perilune::log
