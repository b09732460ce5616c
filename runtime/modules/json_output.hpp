#pragma once

/// @file
/// What `json.encode` and `json.writer` write to: JSON text that is well-formed at every step.

#include <array>
#include <cstdint>
#include <string_view>

#include "runtime/modules/json_text.hpp"
#include "runtime/modules/json_values.hpp"

namespace perilune::runtime {

/// How to write, from an options table.
struct JsonStyle {
  static constexpr std::size_t kWidest = 16;

  std::array<char, kWidest> indent{};  ///< repeated for each level
  std::uint8_t indent_size = 0;        ///< 0: all on one line
  bool pretty = false;
  bool sort_keys = false;
  int max_depth = kJsonDepth;

  /// Reads `indent` (0..16 spaces, or up to 16 spaces and tabs), `sort_keys` and `max_depth` of the
  /// table at `options`, if it is one; EINVAL with `arg` = the option's name.
  [[nodiscard]] static JsonStyle of(lua_State* L, int options);
};

/// All functions raise Lua errors: misuse by category "trial.protocol.json", too many levels,
/// EILSEQ for a string that is not UTF-8, "not enough memory". A Lua error may end its scope.
class JsonOutput {
 public:
  JsonOutput(lua_State* L, const JsonStyle& style) noexcept : style_{style}, text_{L} {}
  JsonOutput(JsonOutput&& other) noexcept = default;

  /// Levels that are open.
  [[nodiscard]] int depth() const noexcept { return depth_; }
  [[nodiscard]] const JsonStyle& style() const noexcept { return style_; }
  [[nodiscard]] std::size_t size() const noexcept { return text_.size(); }
  /// Nothing can be written any more: its text was taken.
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  /// A member's name was written, and its value was not.
  [[nodiscard]] bool named() const noexcept { return named_; }
  /// An object is open and the next thing is a member's name.
  [[nodiscard]] bool wants_name() const noexcept {
    return depth_ > 0 && (top() & kObject) != 0 && !named_;
  }

  void null(lua_State* L) { word(L, "null"); }
  void boolean(lua_State* L, bool value) { word(L, value ? "true" : "false"); }
  /// An integer below 1e21 as one; else the shortest text that reads back the same; NaN and
  /// infinities as null.
  void number(lua_State* L, double value);
  void string(lua_State* L, std::string_view value);
  void name(lua_State* L, std::string_view value);
  /// `text` as it is.
  void literal(lua_State* L, std::string_view text) { word(L, text); }
  void begin(lua_State* L, bool object);
  void end(lua_State* L, bool object);

  /// The whole text, if every level was closed. From then on it is closed.
  void push_text(lua_State* L);

 private:
  static constexpr std::uint8_t kObject = 1;
  static constexpr std::uint8_t kFilled = 2;

  [[nodiscard]] std::uint8_t& top() noexcept { return levels_[static_cast<unsigned>(depth_ - 1)]; }
  [[nodiscard]] std::uint8_t top() const noexcept {
    return levels_[static_cast<unsigned>(depth_ - 1)];
  }
  /// What stands between two elements or members.
  void separate(lua_State* L);
  /// In front of a value.
  void place(lua_State* L);
  void word(lua_State* L, std::string_view text);
  void line(lua_State* L);
  void quoted(lua_State* L, std::string_view value);
  [[noreturn]] void refuse(lua_State* L) const;

  JsonStyle style_;
  int depth_ = 0;
  bool named_ = false;
  bool done_ = false;
  bool closed_ = false;
  JsonText text_;
  std::array<std::uint8_t, kJsonDeepest> levels_;
};

}  // namespace perilune::runtime
