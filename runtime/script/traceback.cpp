#include "runtime/script/traceback.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <lua.hpp>

#include "runtime/script/buffer.hpp"
#include "runtime/script/prelude.hpp"

namespace perilune::runtime {
namespace {

constexpr int kFirst = 12;  ///< frames shown from the top
constexpr int kLast = 10;   ///< and from the bottom of a deep stack

bool is_ours(const lua_Debug& frame) { return std::strcmp(frame.source, kPreludeChunk) == 0; }

void append_frame(LuaBuffer& out, const lua_Debug& frame) {
  std::array<char, 200> text{};
  (void)std::snprintf(text.data(), text.size(), "\n\t%s:", frame.short_src);
  out.append(std::string_view{text.data()});
  if (frame.currentline > 0) {
    (void)std::snprintf(text.data(), text.size(), "%d:", frame.currentline);
    out.append(std::string_view{text.data()});
  }
  if (frame.name != nullptr && *frame.name != '\0') {
    (void)std::snprintf(text.data(), text.size(), " in function '%.100s'", frame.name);
    out.append(std::string_view{text.data()});
  } else if (*frame.what == 'm') {
    out.append(" in main chunk");
  } else if (*frame.what == 'C') {
    out.append(" in a built-in function");
  } else {
    (void)std::snprintf(text.data(), text.size(), " in function <%s:%d>", frame.short_src,
                        frame.linedefined);
    out.append(std::string_view{text.data()});
  }
}

}  // namespace

int stack_depth(lua_State* L) noexcept {
  lua_Debug frame{};
  int low = 0;
  int high = 1;
  while (lua_getstack(L, high, &frame) != 0) {
    low = high;
    high *= 2;
  }
  while (low < high - 1) {
    const int middle = (low + high) / 2;
    (lua_getstack(L, middle, &frame) != 0 ? low : high) = middle;
  }
  return high;
}

int line_in_message(lua_State* of, std::string_view text) noexcept {
  lua_Debug frame{};
  if (lua_getstack(of, 0, &frame) == 0 || lua_getinfo(of, "S", &frame) == 0) return 0;
  const std::string_view file{frame.short_src};
  if (!text.starts_with(file) || text.substr(file.size(), 1) != ":") return 0;
  int line = 0;
  const char* const from = text.data() + file.size() + 1;
  const auto read = std::from_chars(from, text.data() + text.size(), line);
  return read.ec == std::errc{} && line > 0 ? line : 0;
}

void push_traceback(lua_State* L, lua_State* of, const char* message, int level, int top_line) {
  LuaBuffer out{L};
  if (message != nullptr) {
    out.append(std::string_view{message});
    out.append('\n');
  }
  out.append("stack traceback:");
  const int total = stack_depth(of);
  lua_Debug frame{};
  for (int shown = 0; lua_getstack(of, level, &frame) != 0; ++level) {
    if (lua_getinfo(of, "Snl", &frame) == 0 || is_ours(frame)) continue;
    if (level == 0 && frame.currentline <= 0 && *frame.what != 'C') frame.currentline = top_line;
    if (++shown == kFirst && total - level > kLast + 1) {
      out.append("\n\t...");
      level = total - kLast;
      continue;
    }
    append_frame(out, frame);
  }
  out.finish();
}

int debug_traceback(lua_State* L) {
  lua_State* of = lua_isthread(L, 1) ? lua_tothread(L, 1) : L;
  const int argument = of == L && !lua_isthread(L, 1) ? 1 : 2;
  if (!lua_isnoneornil(L, argument) && lua_isstring(L, argument) == 0) {
    lua_settop(L, argument);  // a message that is no text comes back unchanged
    return 1;
  }
  const char* message = lua_tostring(L, argument);
  const lua_Integer level = luaL_optinteger(L, argument + 1, of == L ? 1 : 0);
  push_traceback(L, of, message, level < 0 || level > 1'000'000 ? 0 : static_cast<int>(level));
  return 1;
}

void push_position(lua_State* L, int level) {
  lua_Debug frame{};
  for (; lua_getstack(L, level, &frame) != 0; ++level) {
    if (lua_getinfo(L, "Sl", &frame) == 0 || frame.currentline <= 0 || is_ours(frame)) continue;
    lua_pushfstring(L, "%s:%d", frame.short_src, frame.currentline);
    return;
  }
  lua_pushliteral(L, "");
}

}  // namespace perilune::runtime
