#include "runtime/script/os_functions.hpp"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <lua.hpp>
#include <string_view>

#include "runtime/fiber/clock.hpp"
#include "runtime/script/buffer.hpp"

namespace perilune::runtime {
namespace {

using namespace std::chrono;

constexpr std::array<const char*, 7> kDays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                           "Thursday", "Friday", "Saturday"};
constexpr std::array<const char*, 12> kMonths{"January",   "February", "March",    "April",
                                              "May",       "June",     "July",     "August",
                                              "September", "October",  "November", "December"};
constexpr double kMaxTime = 253402300799.0;  // the end of the year 9999

/// A moment, taken apart.
struct Civil {
  int year;
  int month;  ///< 1-12
  int day;    ///< 1-31
  int hour;
  int minute;
  int second;
  int weekday;  ///< 0: Sunday
  int yearday;  ///< 1-366
};

Civil civil(std::int64_t unix_seconds) {
  const sys_seconds time{seconds{unix_seconds}};
  const sys_days date = floor<days>(time);
  const year_month_day ymd{date};
  const auto rest = static_cast<int>((time - date).count());
  const sys_days first{ymd.year() / January / 1};
  return {static_cast<int>(ymd.year()),
          static_cast<int>(static_cast<unsigned>(ymd.month())),
          static_cast<int>(static_cast<unsigned>(ymd.day())),
          rest / 3600,
          rest / 60 % 60,
          rest % 60,
          static_cast<int>(weekday{date}.c_encoding()),
          static_cast<int>((date - first).count()) + 1};
}

void put(LuaBuffer& out, const char* format, int value) {
  std::array<char, 24> text{};
  // Not from a script: one of the literals below.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  (void)std::snprintf(text.data(), text.size(), format, value);
#pragma GCC diagnostic pop
  out.append(std::string_view{text.data()});
}

void put_all(LuaBuffer& out, const Civil& t, std::string_view conversions);

/// One conversion of strftime in the C locale; false if there is no such one.
bool put_one(LuaBuffer& out, const Civil& t, char letter) {
  const auto day = std::string_view{kDays[static_cast<std::size_t>(t.weekday)]};
  const auto month = std::string_view{kMonths[static_cast<std::size_t>(t.month - 1)]};
  switch (letter) {
    case 'a': out.append(day.substr(0, 3)); return true;
    case 'A': out.append(day); return true;
    case 'b':
    case 'h': out.append(month.substr(0, 3)); return true;
    case 'B': out.append(month); return true;
    case 'c': put_all(out, t, "a b e T Y"); return true;
    case 'd': put(out, "%02d", t.day); return true;
    case 'D':
    case 'x': put_all(out, t, "m/d/y"); return true;
    case 'e': put(out, "%2d", t.day); return true;
    case 'F': put_all(out, t, "Y-m-d"); return true;
    case 'H': put(out, "%02d", t.hour); return true;
    case 'I': put(out, "%02d", (t.hour + 11) % 12 + 1); return true;
    case 'j': put(out, "%03d", t.yearday); return true;
    case 'm': put(out, "%02d", t.month); return true;
    case 'M': put(out, "%02d", t.minute); return true;
    case 'n': out.append('\n'); return true;
    case 'p': out.append(t.hour < 12 ? "AM" : "PM"); return true;
    case 'R': put_all(out, t, "H:M"); return true;
    case 'S': put(out, "%02d", t.second); return true;
    case 't': out.append('\t'); return true;
    case 'T':
    case 'X': put_all(out, t, "H:M:S"); return true;
    case 'U': put(out, "%02d", (t.yearday + 6 - t.weekday) / 7); return true;
    case 'w': put(out, "%d", t.weekday); return true;
    case 'W': put(out, "%02d", (t.yearday + 6 - (t.weekday + 6) % 7) / 7); return true;
    case 'y': put(out, "%02d", t.year % 100); return true;
    case 'Y': put(out, "%d", t.year); return true;
    case 'z': out.append("+0000"); return true;
    case 'Z': out.append("UTC"); return true;
    case '%': out.append('%'); return true;
    default: return false;
  }
}

/// Letters are conversions, everything else stands for itself.
void put_all(LuaBuffer& out, const Civil& t, std::string_view conversions) {
  for (const char c : conversions) {
    if (!put_one(out, t, c)) out.append(c);
  }
}

std::int64_t unix_time(lua_State* L) { return floor<seconds>(VmClock::of(L).system()).count(); }

/// The time that a script gave at `index`, or now.
std::int64_t opt_time(lua_State* L, int index) {
  if (lua_isnoneornil(L, index)) return unix_time(L);
  const double time = luaL_checknumber(L, index);
  luaL_argcheck(L, time >= -62167219200.0 && time <= kMaxTime, index,
                "time outside of the years 0 to 9999");
  return static_cast<std::int64_t>(std::floor(time));
}

void set_field(lua_State* L, const char* key, int value) {
  lua_pushinteger(L, value);
  lua_setfield(L, -2, key);
}

int os_date(lua_State* L) {
  std::size_t size = 0;
  const char* text = luaL_optlstring(L, 1, "%c", &size);
  std::string_view format{text, size};
  const Civil t = civil(opt_time(L, 2));
  if (format.starts_with('!')) format.remove_prefix(1);  // local time is UTC too
  if (format.starts_with("*t")) {
    lua_createtable(L, 0, 9);
    set_field(L, "year", t.year);
    set_field(L, "month", t.month);
    set_field(L, "day", t.day);
    set_field(L, "hour", t.hour);
    set_field(L, "min", t.minute);
    set_field(L, "sec", t.second);
    set_field(L, "wday", t.weekday + 1);
    set_field(L, "yday", t.yearday);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "isdst");
    return 1;
  }
  luaL_argcheck(L, format.size() <= 4096, 1, "format over 4096 bytes");
  LuaBuffer out{L};
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out.append(format[i]);
    } else if (++i == format.size() || !put_one(out, t, format[i])) {
      return luaL_argerror(L, 1, "invalid conversion specifier");
    }
  }
  out.finish();
  return 1;
}

std::int64_t get_field(lua_State* L, const char* key, std::int64_t fallback) {
  lua_pushstring(L, key);
  lua_rawget(L, 1);
  const double value = lua_tonumber(L, -1);
  const bool given = lua_isnumber(L, -1) != 0;
  lua_pop(L, 1);
  if (!given) {
    if (fallback < 0) luaL_error(L, "field '%s' missing in date table", key);
    return fallback;
  }
  if (!(value >= -1e9 && value <= 1e9)) luaL_error(L, "field '%s' is out of range", key);
  return static_cast<std::int64_t>(value);
}

int os_time(lua_State* L) {
  if (lua_isnoneornil(L, 1)) {
    lua_pushnumber(L, static_cast<double>(unix_time(L)));
    return 1;
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  const std::int64_t month0 = get_field(L, "month", -1) - 1;  // may be out of 0-11: carried over
  const std::int64_t carry = month0 >= 0 ? month0 / 12 : -((11 - month0) / 12);
  const std::int64_t year = get_field(L, "year", -1) + carry;
  if (year < 0 || year > 9999) return luaL_error(L, "year out of range");
  const auto month = static_cast<unsigned>(month0 - carry * 12 + 1);
  const sys_days first{std::chrono::year{static_cast<int>(year)} / std::chrono::month{month} / 1};
  const std::int64_t day = first.time_since_epoch().count() + get_field(L, "day", -1) - 1;
  const std::int64_t time = day * 86400 + get_field(L, "hour", 12) * 3600 +
                            get_field(L, "min", 0) * 60 + get_field(L, "sec", 0);
  lua_pushnumber(L, static_cast<double>(time));
  return 1;
}

/// CPU time of the thread: what this VM used plus its neighbours on the thread.
int os_clock(lua_State* L) {
  lua_pushnumber(L, static_cast<double>(VmClock::of(L).cpu().count()) / 1e9);
  return 1;
}

int os_difftime(lua_State* L) {
  lua_pushnumber(L, luaL_checknumber(L, 1) - luaL_optnumber(L, 2, 0));
  return 1;
}

/// The stock one runs the destructors of static and thread-local objects on the VM's stack, while
/// it runs on that stack.
int os_exit(lua_State* L) {
  const int code = lua_isboolean(L, 1) ? (lua_toboolean(L, 1) != 0 ? EXIT_SUCCESS : EXIT_FAILURE)
                                       : luaL_optint(L, 1, EXIT_SUCCESS);
  static_cast<void>(std::fflush(nullptr));
  ::_exit(code);
}

}  // namespace

void mend_engine_os(lua_State* L) {
  lua_getglobal(L, LUA_OSLIBNAME);
  lua_pushcfunction(L, os_exit);
  lua_setfield(L, -2, "exit");
  lua_pop(L, 1);
}

void open_hosted_os(lua_State* L) {
  constexpr std::array<luaL_Reg, 5> kFunctions{{{"time", os_time},
                                                {"date", os_date},
                                                {"clock", os_clock},
                                                {"difftime", os_difftime},
                                                {nullptr, nullptr}}};
  lua_createtable(L, 0, 4);
  luaL_register(L, nullptr, kFunctions.data());
  lua_setglobal(L, "os");
}

}  // namespace perilune::runtime
