#include "runtime/script/string_functions.hpp"

#include <array>
#include <cstdio>
#include <cstring>
#include <lua.hpp>
#include <string_view>

#include "runtime/script/buffer.hpp"
#include "runtime/script/pattern.hpp"

namespace perilune::runtime {
namespace {

constexpr std::size_t kMaxFormat = 4096;

std::string_view check_text(lua_State* L, int index) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(L, index, &size);
  return {text, size};
}

/// The optional start position at `index` as an offset; false if it lies behind the end.
bool start_offset(lua_State* L, int index, std::size_t size, std::size_t& offset) {
  const lua_Integer wanted = luaL_optinteger(L, index, 1);
  const auto length = static_cast<lua_Integer>(size);
  lua_Integer at = wanted < 0 ? wanted + length : wanted - 1;
  if (at < 0) at = 0;
  offset = static_cast<std::size_t>(at);
  return at <= length;
}

bool has_specials(std::string_view pattern) {
  return pattern.find_first_of("^$*+?.([%-") != std::string_view::npos;
}

int push_nil(lua_State* L) {
  lua_pushnil(L);
  return 1;
}

int find_plain(lua_State* L, std::string_view s, std::string_view p, std::size_t from) {
  const void* found =
      p.empty() ? s.data() + from : memmem(s.data() + from, s.size() - from, p.data(), p.size());
  if (found == nullptr) return push_nil(L);
  const auto first = static_cast<std::size_t>(static_cast<const char*>(found) - s.data());
  lua_pushnumber(L, static_cast<double>(first + 1));
  lua_pushnumber(L, static_cast<double>(first + p.size()));
  return 2;
}

int find_or_match(lua_State* L, bool find) {
  const std::string_view s = check_text(L, 1);
  const std::string_view p = check_text(L, 2);
  std::size_t from = 0;
  if (!start_offset(L, 3, s.size(), from)) return push_nil(L);
  if (find && (lua_toboolean(L, 4) != 0 || !has_specials(p))) return find_plain(L, s, p, from);
  Matcher matcher{L, s, p};
  const char* end = nullptr;
  const char* begin = matcher.search(s.data() + from, p.starts_with('^'), end);
  if (begin == nullptr) return push_nil(L);
  if (!find) return matcher.push_captures(begin, end, true);
  lua_pushnumber(L, static_cast<double>(begin - s.data() + 1));
  lua_pushnumber(L, static_cast<double>(end - s.data()));
  return 2 + matcher.push_captures(begin, end, false);
}

/// Upvalues: subject, pattern, offset to go on at.
int gmatch_next(lua_State* L) {
  std::size_t size = 0;
  const char* text = lua_tolstring(L, lua_upvalueindex(1), &size);
  const std::string_view s{text, size};
  text = lua_tolstring(L, lua_upvalueindex(2), &size);
  const auto from = static_cast<std::size_t>(lua_tonumber(L, lua_upvalueindex(3)));
  if (from > s.size()) return 0;
  Matcher matcher{L, s, {text, size}};
  const char* end = nullptr;
  const char* begin = matcher.search(s.data() + from, false, end);
  if (begin == nullptr) return 0;
  const auto next = end - s.data() + (end == begin ? 1 : 0);  // an empty match must not stay
  lua_pushnumber(L, static_cast<double>(next));
  lua_replace(L, lua_upvalueindex(3));
  return matcher.push_captures(begin, end, true);
}

/// Appends `replacement` with its `%1` filled in.
void append_replacement(LuaBuffer& out, std::string_view replacement, Matcher& matcher,
                        const char* begin, const char* end) {
  for (std::size_t i = 0; i < replacement.size(); ++i) {
    if (replacement[i] != '%') {
      out.append(replacement[i]);
      continue;
    }
    const char c = ++i < replacement.size() ? replacement[i] : '\0';
    if (c < '0' || c > '9') {
      out.append(c);
    } else if (c == '0') {
      out.append({begin, static_cast<std::size_t>(end - begin)});
    } else {
      bool position = false;
      const auto text = matcher.capture_text(c - '1', begin, end, position);
      if (!position) {
        out.append(text);
        continue;
      }
      std::array<char, 24> digits{};
      (void)std::snprintf(digits.data(), digits.size(), "%td", text.data() - matcher.subject() + 1);
      out.append(std::string_view{digits.data()});
    }
  }
}

/// Looks at the conversion that begins behind a '%'; moves `at` to its letter.
char conversion(std::string_view format, std::size_t& at) {
  while (at < format.size() && std::strchr("-+ #0123456789.", format[at]) != nullptr &&
         format[at] != '\0')
    ++at;
  return at < format.size() ? format[at] : '\0';
}

}  // namespace

int string_find(lua_State* L) { return find_or_match(L, true); }
int string_match(lua_State* L) { return find_or_match(L, false); }

int string_gmatch(lua_State* L) {
  (void)check_text(L, 1);
  (void)check_text(L, 2);
  lua_settop(L, 2);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, gmatch_next, 3);
  return 1;
}

int string_gsub(lua_State* L) {
  const std::string_view s = check_text(L, 1);
  const std::string_view p = check_text(L, 2);
  const int kind = lua_type(L, 3);
  if (kind != LUA_TSTRING && kind != LUA_TNUMBER)
    return luaL_typerror(L, 3, "string/function/table");
  const std::string_view replacement = check_text(L, 3);
  const auto most = luaL_optnumber(L, 4, static_cast<double>(s.size()) + 1);
  const bool anchored = p.starts_with('^');
  Matcher matcher{L, s, p};
  LuaBuffer out{L};
  const char* at = s.data();
  double count = 0;
  while (count < most) {
    const char* end = nullptr;
    const char* begin = matcher.search(at, anchored, end);
    if (begin == nullptr) break;
    ++count;
    out.append({at, static_cast<std::size_t>(begin - at)});
    append_replacement(out, replacement, matcher, begin, end);
    at = end;
    if (end == begin) {
      if (begin == matcher.subject_end()) break;
      out.append(*at++);
    }
    if (anchored) break;
  }
  out.append({at, static_cast<std::size_t>(matcher.subject_end() - at)});
  out.finish();
  lua_pushnumber(L, count);
  return 2;
}

int string_gsub_next(lua_State* L) {
  const std::string_view s = check_text(L, 1);
  const std::string_view p = check_text(L, 2);
  const auto position = static_cast<std::size_t>(luaL_checknumber(L, 3)) - 1;
  if (position > s.size()) return 0;
  Matcher matcher{L, s, p, 2};
  const char* end = nullptr;
  const char* begin = matcher.search(s.data() + position, p.starts_with('^'), end);
  if (begin == nullptr) return 0;
  lua_pushnumber(L, static_cast<double>(begin - s.data() + 1));
  lua_pushnumber(L, static_cast<double>(end - s.data() + 1));
  return 2 + matcher.push_captures(begin, end, true);
}

int string_format_check(lua_State* L) {
  if (lua_type(L, 1) != LUA_TSTRING) return 0;  // the stock function complains better
  const std::string_view format = check_text(L, 1);
  const auto fail = [L](const char* message) {
    luaL_where(L, 2);
    lua_pushstring(L, message);
    lua_concat(L, 2);
    return lua_error(L);
  };
  if (format.size() > kMaxFormat) return fail("format string over 4096 bytes");
  int argument = 1;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') continue;
    if (++i < format.size() && format[i] == '%') continue;
    const char letter = conversion(format, i);
    ++argument;
    if (letter == 'p') return fail("invalid option '%p' to 'format' (addresses are not shown)");
    if (letter != 's' && letter != 'q') continue;
    const int type = lua_type(L, argument);
    if (type > LUA_TSTRING || type == LUA_TLIGHTUSERDATA) {
      lua_pushinteger(L, argument - 1);
      return 1;
    }
  }
  return 0;
}

}  // namespace perilune::runtime
