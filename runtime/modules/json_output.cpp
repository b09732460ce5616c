#include "runtime/modules/json_output.hpp"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <lua.hpp>

#include "runtime/modules/json_utf8.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";

[[noreturn]] void raise_lexer(lua_State* L, JsonError code, const char* message) {
  raise_code(L, kJsonLexerCategory, static_cast<int>(code), message);
}

/// Appends the escape sequence of `c`: '"', '\\' or a control character.
void escape(lua_State* L, JsonText& text, char c) {
  char* to = text.room(L, 6);
  const auto with = [&](char letter) {
    to[0] = '\\';
    to[1] = letter;
    text.take(2);
  };
  switch (c) {
    case '"':
    case '\\': return with(c);
    case '\b': return with('b');
    case '\f': return with('f');
    case '\n': return with('n');
    case '\r': return with('r');
    case '\t': return with('t');
    default: break;
  }
  const auto byte = static_cast<unsigned char>(c);
  std::memcpy(to, "\\u00", 4);
  to[4] = kHex[byte >> 4U];
  to[5] = kHex[byte & 15U];
  text.take(6);
}

/// The end of what can be copied as it is: at '"', '\\', a control character, or `stop`.
const char* skip_valid(lua_State* L, const char* at, const char* stop, std::string_view whole) {
  const char* const end = whole.data() + whole.size();
  for (;;) {
    at = skip_plain(at, stop);
    if (at >= stop) return at;
    while (static_cast<unsigned char>(*at) >= 0x80) {
      const int size = utf8_sequence(at, end);
      if (size == 0) {
        raise_code(L, kGenericCategory, EILSEQ,
                   lua_pushfstring(L, "a string is not UTF-8: its byte %d",
                                   static_cast<int>(at - whole.data() + 1)));
      }
      at += size;
      if (at >= stop) return at;
    }
    if (kJsonSpecial[static_cast<unsigned char>(*at)]) return at;
  }
}

void read_indent(lua_State* L, int options, JsonStyle& style) {
  lua_pushliteral(L, "indent");
  lua_rawget(L, options);
  if (lua_type(L, -1) == LUA_TNUMBER) {
    const lua_Number width = lua_tonumber(L, -1);
    if (!(width >= 0 && width <= JsonStyle::kWidest)) raise_json_option(L, "indent");
    style.indent.fill(' ');
    style.indent_size = static_cast<std::uint8_t>(width);
    style.pretty = style.indent_size > 0;
  } else if (lua_type(L, -1) == LUA_TSTRING) {
    std::size_t size = 0;
    const char* text = lua_tolstring(L, -1, &size);
    const bool blank =
        std::string_view{text, size}.find_first_not_of(" \t") == std::string_view::npos;
    if (size > JsonStyle::kWidest || !blank) raise_json_option(L, "indent");
    std::memcpy(style.indent.data(), text, size);
    style.indent_size = static_cast<std::uint8_t>(size);
    style.pretty = size > 0;
  } else if (!lua_isnil(L, -1)) {
    raise_json_option(L, "indent");
  }
  lua_pop(L, 1);
}

}  // namespace

JsonStyle JsonStyle::of(lua_State* L, int options) {
  JsonStyle style;
  if (lua_type(L, options) != LUA_TTABLE) return style;
  style.max_depth = json_max_depth(L, options);
  read_indent(L, options, style);
  lua_pushliteral(L, "sort_keys");
  lua_rawget(L, options);
  style.sort_keys = lua_toboolean(L, -1) != 0;
  lua_pop(L, 1);
  return style;
}

void JsonOutput::refuse(lua_State* L) const {
  if (closed_) raise_errno(L, EPERM);
  if (wants_name()) raise_lexer(L, JsonError::InvalidKey, "a member's name must come first");
  raise_lexer(L, JsonError::UnexpectedToken, "the text is complete");
}

void JsonOutput::line(lua_State* L) {
  const auto levels = static_cast<std::size_t>(depth_);
  const std::size_t size = 1 + levels * style_.indent_size;
  char* to = text_.room(L, size);
  *to++ = '\n';
  for (std::size_t i = 0; i < levels; ++i, to += style_.indent_size)
    std::memcpy(to, style_.indent.data(), style_.indent_size);
  text_.take(size);
}

void JsonOutput::separate(lua_State* L) {
  if ((top() & kFilled) != 0) text_.append(L, ',');
  top() |= kFilled;
  if (style_.pretty) line(L);
}

void JsonOutput::place(lua_State* L) {
  if (closed_ || (depth_ == 0 && done_) || wants_name()) refuse(L);
  if (depth_ == 0) {
    done_ = true;
  } else if (named_) {
    named_ = false;
  } else {
    separate(L);
  }
}

void JsonOutput::word(lua_State* L, std::string_view text) {
  place(L);
  text_.append(L, text);
}

void JsonOutput::number(lua_State* L, double value) {
  if (!std::isfinite(value)) return null(L);
  place(L);
  char* const to = text_.room(L, 32);
  char* const end = to + 32;
  constexpr double kExact = 9007199254740992.0;  // 2^53
  const double size = std::fabs(value);
  char* stop = nullptr;
  if (size < kExact && std::trunc(value) == value && !(value == 0 && std::signbit(value))) {
    stop = std::to_chars(to, end, static_cast<long long>(value)).ptr;
  } else if (size < 1e21 && std::trunc(value) == value) {
    stop = std::to_chars(to, end, value, std::chars_format::fixed).ptr;
  } else {
    stop = std::to_chars(to, end, value).ptr;
  }
  text_.take(static_cast<std::size_t>(stop - to));
}

void JsonOutput::quoted(lua_State* L, std::string_view value) {
  const char* at = value.data();
  const char* const end = at + value.size();
  (void)text_.room(L, value.size() + 2);
  text_.append(L, '"');
  while (at < end) {
    const bool last = static_cast<std::size_t>(end - at) <= JsonReader::kWindow;
    const char* const window = last ? end : at + JsonReader::kWindow;
    while (at < window) {
      const char* const found = skip_valid(L, at, window, value);
      text_.append(L, {at, static_cast<std::size_t>(found - at)});
      at = found;
      if (at < window) escape(L, text_, *at++);
    }
    if (!last && json_must_stop(L)) Vm::of(L).raise_verdict(L);
  }
  text_.append(L, '"');
}

void JsonOutput::string(lua_State* L, std::string_view value) {
  place(L);
  quoted(L, value);
}

void JsonOutput::name(lua_State* L, std::string_view value) {
  if (closed_ || !wants_name()) refuse(L);
  separate(L);
  quoted(L, value);
  text_.append(L, style_.pretty ? std::string_view{": "} : std::string_view{":"});
  named_ = true;
}

void JsonOutput::begin(lua_State* L, bool object) {
  if (depth_ >= style_.max_depth) {
    push_code(L, kJsonDomCategory, static_cast<int>(JsonDomError::TooManyLevels),
              lua_pushfstring(L, "more than %d levels", style_.max_depth));
    lua_pushinteger(L, style_.max_depth);
    lua_setfield(L, -2, "limit");
    lua_error(L);
  }
  place(L);
  text_.append(L, object ? '{' : '[');
  levels_[static_cast<unsigned>(depth_++)] = object ? kObject : std::uint8_t{0};
}

void JsonOutput::end(lua_State* L, bool object) {
  if (closed_) raise_errno(L, EPERM);
  if (depth_ == 0 || ((top() & kObject) != 0) != object) {
    raise_lexer(L, object ? JsonError::UnbalancedEndObject : JsonError::UnbalancedEndArray,
                object ? "no object is open here" : "no array is open here");
  }
  if (named_) raise_lexer(L, JsonError::InvalidValue, "a member's value is missing");
  const bool filled = (top() & kFilled) != 0;
  --depth_;
  if (filled && style_.pretty) line(L);
  text_.append(L, object ? '}' : ']');
}

void JsonOutput::push_text(lua_State* L) {
  if (closed_) raise_errno(L, EPERM);
  if (depth_ > 0) {
    const bool object = (top() & kObject) != 0;
    raise_lexer(L, object ? JsonError::ExpectedEndObject : JsonError::ExpectedEndArray,
                object ? "an object is still open" : "an array is still open");
  }
  if (!done_) raise_lexer(L, JsonError::InsufficientTokens, "nothing was written");
  const std::string_view text = text_.view();
  lua_pushlstring(L, text.data(), text.size());
  closed_ = true;
  text_.release();
}

}  // namespace perilune::runtime
