#pragma once

/// @file
/// The process's own log: JSON lines on standard output or error, one write(2) each.

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace perilune::log {

enum class Level : std::uint8_t { Debug, Info, Warn, Error };

/// Well-formed JSON on one line, written as it is.
struct Json {
  std::string_view text;
};

struct Field {
  std::string_view key;
  std::variant<std::string_view, std::int64_t, double, bool, Json> value;
};

/// Lines below `level` are not written. Default: Info. Call before threads start.
void set_level(Level level) noexcept;
/// Where lines go: 1 (default) or 2. Call before threads start.
void set_descriptor(int fd) noexcept;

/// Writes `{"time":…,"level":…,"msg":…,fields…}`. Safe on any thread, never throws, never blocks on
/// a lock.
void write(Level level, std::string_view message, std::span<const Field> fields) noexcept;
inline void write(Level level, std::string_view message,
                  std::initializer_list<Field> fields = {}) noexcept {
  write(level, message, std::span{fields.begin(), fields.size()});
}

inline void debug(std::string_view m, std::initializer_list<Field> f = {}) noexcept {
  write(Level::Debug, m, f);
}
inline void info(std::string_view m, std::initializer_list<Field> f = {}) noexcept {
  write(Level::Info, m, f);
}
inline void warn(std::string_view m, std::initializer_list<Field> f = {}) noexcept {
  write(Level::Warn, m, f);
}
inline void error(std::string_view m, std::initializer_list<Field> f = {}) noexcept {
  write(Level::Error, m, f);
}

/// Appends `text` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);
/// `text` with U+FFFD for every byte that is no UTF-8: for texts of a worker that become JSON.
[[nodiscard]] std::string well_formed(std::string_view text);
/// RFC 3339, UTC, milliseconds.
[[nodiscard]] std::string timestamp(std::int64_t unix_milliseconds);
[[nodiscard]] std::int64_t now_milliseconds() noexcept;

}  // namespace perilune::log
