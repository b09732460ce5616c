// json.writer: JSON text piece by piece.
#include <array>
#include <cerrno>
#include <lua.hpp>

#include "runtime/modules/json_encode.hpp"

namespace perilune::runtime {
namespace {

constexpr int kLevel = 1;

JsonOutput& check_writer(lua_State* L) { return check_json_writer(L, 1); }

bool is_null(lua_State* L, int index) {
  push_json_null(L);
  const bool same = lua_rawequal(L, index, -1) != 0;
  lua_pop(L, 1);
  return same;
}

int l_value(lua_State* L) {
  JsonOutput& out = check_writer(L);
  lua_settop(L, 2);
  switch (lua_type(L, 2)) {
    case LUA_TBOOLEAN: out.boolean(L, lua_toboolean(L, 2) != 0); return 0;
    case LUA_TNUMBER: out.number(L, lua_tonumber(L, 2)); return 0;
    case LUA_TSTRING:
      if (out.wants_name()) {
        out.name(L, check_string(L, 2));
      } else {
        out.string(L, check_string(L, 2));
      }
      return 0;
    case LUA_TUSERDATA:
      if (is_null(L, 2)) {
        out.null(L);
        return 0;
      }
      break;
    default: break;
  }
  raise_bad_argument(L, 2);
}

int l_literal(lua_State* L) {
  JsonOutput& out = check_writer(L);
  const std::string_view text = check_string(L, 2);
  if (text.empty()) raise_bad_argument(L, 2);
  out.literal(L, text);
  return 0;
}

template <bool Object>
int l_begin(lua_State* L) {
  check_writer(L).begin(L, Object);
  return 0;
}

template <bool Object>
int l_end(lua_State* L) {
  check_writer(L).end(L, Object);
  return 0;
}

int l_generate(lua_State* L) {
  check_writer(L).push_text(L);
  return 1;
}

int get(lua_State* L, int) {
  lua_pushinteger(L, check_writer(L).depth());
  return 1;
}

void set(lua_State*, int) {}

constexpr std::array<LuaFunction, 7> kMethods{{
    {"value", l_value, false, "w:value(v)",
     "Writes a string, number, boolean or `json.null`; where an object waits for a member's name, "
     "`v` is that name, a string. EINVAL for anything else: tables are for `json.encode`, which "
     "takes a writer as `state.writer`."},
    {"begin_object", l_begin<true>, false, "w:begin_object()",
     "Opens an object. `too_many_levels` beyond `max_depth`."},
    {"end_object", l_end<true>, false, "w:end_object()",
     "Closes it. `unbalanced_end_object` if none is open here, `invalid_value` if the last member "
     "has no value."},
    {"begin_array", l_begin<false>, false, "w:begin_array()",
     "Opens an array. `too_many_levels` beyond `max_depth`."},
    {"end_array", l_end<false>, false, "w:end_array()",
     "Closes it. `unbalanced_end_array` if none is open here."},
    {"literal", l_literal, false, "w:literal(text)",
     "Writes `text` as a value, as it is: the caller vouches for its being JSON."},
    {"generate", l_generate, false, "w:generate() -> string",
     "The finished text. The writer is used up then: each further call raises EPERM. "
     "`expected_end_array` or `expected_end_object` while something is open, `insufficient_tokens` "
     "if nothing was written."},
}};
constexpr std::array<LuaProperty, 1> kReadable{
    {{"level", kLevel, "number: arrays and objects that are open"}}};

}  // namespace

const LuaClass kJsonWriter{
    .name = "perilune.json.writer",
    .shown = "json.writer",
    .methods = kMethods,
    .readable = kReadable,
    .writable = {},
    .index = lua_index<get>,
    .newindex = lua_newindex<set>,
    .collect = collect_object<JsonOutput>,
    .help =
        "JSON text piece by piece: well-formed at every step, so that what is out of place "
        "raises an error at once. A value behind the finished one raises `unexpected_token`, a "
        "value in place of a member's name `invalid_key`."};

JsonOutput& check_json_writer(lua_State* L, int index) {
  return check_object<JsonOutput>(L, index, kJsonWriter);
}

int json_writer_new(lua_State* L) {
  check_json_options(L, 1);
  lua_settop(L, 1);
  push_object<JsonOutput>(L, kJsonWriter, L, JsonStyle::of(L, 1));
  return 1;
}

}  // namespace perilune::runtime
