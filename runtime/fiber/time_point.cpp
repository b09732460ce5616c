#include "runtime/fiber/time_point.hpp"

#include <cerrno>
#include <lua.hpp>

#include "runtime/fiber/time_arguments.hpp"

namespace perilune::runtime {
namespace {

using Span = std::chrono::nanoseconds;

[[noreturn]] void raise_overflow(lua_State* L, int argument) {
  push_code(L, kGenericCategory, EOVERFLOW);
  lua_pushinteger(L, argument);
  lua_setfield(L, -2, "arg");
  lua_error(L);
  __builtin_unreachable();
}

Span moved(lua_State* L, Span from, Span by, bool back) {
  Span::rep sum = 0;
  const bool over = back ? __builtin_sub_overflow(from.count(), by.count(), &sum)
                         : __builtin_add_overflow(from.count(), by.count(), &sum);
  if (over) raise_overflow(L, 2);
  return Span{sum};
}

lua_Number in_seconds(Span span) { return static_cast<lua_Number>(span.count()) / 1e9; }

/// Exact as long as 292 years are not enough.
lua_Number difference(Span left, Span right) {
  Span::rep result = 0;
  if (__builtin_sub_overflow(left.count(), right.count(), &result))
    return in_seconds(left) - in_seconds(right);
  return in_seconds(Span{result});
}

template <const LuaClass& Class, bool Back>
int l_move(lua_State* L) {
  TimePoint& point = check_time_point(L, 1, Class);
  point.since_epoch = moved(L, point.since_epoch, check_span(L, 2), Back);
  return 0;
}

template <const LuaClass& Class>
int m_add(lua_State* L) {
  const TimePoint& point = check_time_point(L, 1, Class);
  push_time_point(L, Class, moved(L, point.since_epoch, check_span(L, 2), false));
  return 1;
}

template <const LuaClass& Class>
int m_sub(lua_State* L) {
  const TimePoint& point = check_time_point(L, 1, Class);
  if (lua_type(L, 2) == LUA_TNUMBER) {
    push_time_point(L, Class, moved(L, point.since_epoch, check_span(L, 2), true));
  } else {
    lua_pushnumber(L, difference(point.since_epoch, check_time_point(L, 2, Class).since_epoch));
  }
  return 1;
}

template <const LuaClass& Class>
int m_eq(lua_State* L) {
  const auto* left = test_object<TimePoint>(L, 1, Class);
  const auto* right = test_object<TimePoint>(L, 2, Class);
  lua_pushboolean(L,
                  left != nullptr && right != nullptr && left->since_epoch == right->since_epoch);
  return 1;
}

template <const LuaClass& Class>
int m_lt(lua_State* L) {
  const Span left = check_time_point(L, 1, Class).since_epoch;
  lua_pushboolean(L, left < check_time_point(L, 2, Class).since_epoch);
  return 1;
}

template <const LuaClass& Class>
int m_le(lua_State* L) {
  const Span left = check_time_point(L, 1, Class).since_epoch;
  lua_pushboolean(L, left <= check_time_point(L, 2, Class).since_epoch);
  return 1;
}

/// The only property, `seconds_since_epoch`. `__index` is called with nothing but our userdata.
int get(lua_State* L, int) {
  lua_pushnumber(L, in_seconds(static_cast<const TimePoint*>(lua_touserdata(L, 1))->since_epoch));
  return 1;
}
void set(lua_State*, int) {}

template <const LuaClass& Class>
constexpr std::array<luaL_Reg, 5> kMeta{{{"__add", m_add<Class>},
                                         {"__sub", m_sub<Class>},
                                         {"__eq", m_eq<Class>},
                                         {"__lt", m_lt<Class>},
                                         {"__le", m_le<Class>}}};
template <const LuaClass& Class>
constexpr std::array<LuaFunction, 2> kMethods{{
    {"add", l_move<Class, false>, false, "p:add(seconds)",
     "Moves this very point. EDOM for NaN and infinities, EOVERFLOW beyond 292 years."},
    {"sub", l_move<Class, true>, false, "p:sub(seconds)", "Moves it back."},
}};
constexpr std::array<LuaProperty, 1> kProperties{
    {{"seconds_since_epoch", 1, "number: seconds from the clock's epoch to this point"}}};

constexpr const char* kOperators =
    "`p + seconds` and `p - seconds` are new points; `p - q` is a number of seconds; `==`, `<` and "
    "`<=` compare points of the same clock. EINVAL (with `arg`) for a point of another clock.";

}  // namespace

const LuaClass kSteadyPoint{.name = "perilune.steady_clock.time_point",
                            .shown = "steady_clock.time_point",
                            .methods = kMethods<kSteadyPoint>,
                            .readable = kProperties,
                            .writable = {},
                            .index = lua_index<get>,
                            .newindex = lua_newindex<set>,
                            .collect = nullptr,
                            .meta = kMeta<kSteadyPoint>,
                            .help = kOperators};
const LuaClass kSystemPoint{.name = "perilune.system_clock.time_point",
                            .shown = "system_clock.time_point",
                            .methods = kMethods<kSystemPoint>,
                            .readable = kProperties,
                            .writable = {},
                            .index = lua_index<get>,
                            .newindex = lua_newindex<set>,
                            .collect = nullptr,
                            .meta = kMeta<kSystemPoint>,
                            .help = kOperators};
const LuaClass kHighResolutionPoint{.name = "perilune.high_resolution_clock.time_point",
                                    .shown = "high_resolution_clock.time_point",
                                    .methods = {},
                                    .readable = kProperties,
                                    .writable = {},
                                    .index = lua_index<get>,
                                    .newindex = lua_newindex<set>,
                                    .collect = nullptr,
                                    .meta = kMeta<kHighResolutionPoint>,
                                    .help = kOperators};

void push_time_point(lua_State* L, const LuaClass& definition, Span time) {
  push_object<TimePoint>(L, definition, time);
}

TimePoint& check_time_point(lua_State* L, int index, const LuaClass& definition) {
  auto* point = test_object<TimePoint>(L, index, definition);
  if (point == nullptr) raise_bad_argument(L, index);
  return *point;
}

}  // namespace perilune::runtime
