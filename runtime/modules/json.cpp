#include "runtime/modules/json.hpp"

#include <array>
#include <lua.hpp>

#include "runtime/modules/json_encode.hpp"
#include "runtime/modules/json_values.hpp"

namespace perilune::runtime {
namespace {

/// True if the value at `index` is a table with the tag of arrays.
bool tagged(lua_State* L, int index) {
  if (lua_type(L, index) != LUA_TTABLE || lua_getmetatable(L, index) == 0) return false;
  push_json_array_tag(L);
  const bool same = lua_rawequal(L, -1, -2) != 0;
  lua_pop(L, 2);
  return same;
}

int l_is_array(lua_State* L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, tagged(L, 1) ? 1 : 0);
  return 1;
}

int l_into_array(lua_State* L) {
  if (lua_gettop(L) == 0) lua_newtable(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  if (tagged(L, 1)) return 1;
  if (lua_getmetatable(L, 1) != 0) raise_bad_argument(L, 1);
  push_json_array_tag(L);
  lua_setmetatable(L, 1);
  return 1;
}

constexpr std::array<LuaFunction, 5> kFunctions{{
    {"decode", json_decode, false, "json.decode(text[, options]) -> value",
     "The value that `text` (a string or byte_span) stands for. Strict: RFC 8259, UTF-8, one value "
     "and nothing behind it. Arrays become tagged tables (`json.is_array`), `null` becomes "
     "`json.null`; of equal member names the last one wins; numbers become doubles, so integers "
     "beyond 2^53 are rounded. `options.max_depth`: 1..1000 levels, by default 128."},
    {"encode", nullptr, false, "json.encode(value[, options]) -> string",
     "The JSON text of a value. A table is an array if it is tagged (`nil` in it is `null`) or if "
     "its keys are 1..n, else an object of its members with string keys; what has no JSON form "
     "(functions, coroutines, other userdata, other keys) is left out of objects, and is EINVAL in "
     "arrays and by itself. Integers print as integers, other numbers in the shortest form that "
     "reads back the same, NaN and infinities as `null`. EILSEQ for a string that is not UTF-8. A "
     "metamethod `__tojson(self, state)` writes the value to `state.writer` itself, or calls "
     "`json.encode(part, {state = state})`, which appends and returns nothing; it may suspend. "
     "`options`: `indent` (0..16 spaces, or a string of up to 16 spaces and tabs), `sort_keys`, "
     "`max_depth` (1..1000, by default 128), `state`."},
    {"is_array", l_is_array, false, "json.is_array(value) -> boolean",
     "Whether it is a table with the tag of arrays."},
    {"into_array", l_into_array, false, "json.into_array([t]) -> table",
     "Tags `t`, or a new table, as an array, so that it is one even when empty. EINVAL if it has "
     "another metatable."},
    {"writer.new", nullptr, false, "json.writer.new([options]) -> writer",
     "A writer. `options`: `indent` and `max_depth` as for `encode`."},
}};
constexpr std::array kClasses{&kJsonWriter};

}  // namespace

const ModuleReference kJsonReference{
    .name = "json",
    .summary =
        R"(JSON text to Lua values and back.

```lua
local json = require 'json'
local order = json.decode('{"id": 7, "tags": [], "note": null}')
assert(json.is_array(order.tags) and order.note == json.null)
order.note = 'fragile'
print(json.encode(order, {indent = 2, sort_keys = true}))
```

`json.null` is `null` (`tostring` gives "null"; it is not false). Errors have `e.category ==
json.lexer_ecat` (`unexpected_token` 1, `invalid_key` 2, `invalid_value` 3, `unbalanced_end_array` 5,
`unbalanced_end_object` 6, `expected_end_array` 7, `expected_end_object` 8, `insufficient_tokens` 9)
or `json.dom_ecat` (`result_out_of_range` 1, `too_many_levels` 2 with the field `limit`,
`cycle_exists` 4). Those of `decode` say what was expected and what was found, and have the fields
`line`, `column` (in bytes, both from 1) and `offset` (in bytes, from 0). Numbers may have up to 1024
bytes.)",
    .functions = kFunctions,
    .classes = kClasses,
};

int open_json(lua_State* L) {
  lua_createtable(L, 0, 9);
  set_functions(L, kFunctions);
  push_json_encode(L);
  lua_setfield(L, -2, "encode");
  push_json_null(L);
  lua_setfield(L, -2, "null");
  push_category(L, kJsonLexerCategory);
  lua_setfield(L, -2, "lexer_ecat");
  push_category(L, kJsonDomCategory);
  lua_setfield(L, -2, "dom_ecat");
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, json_writer_new);
  lua_setfield(L, -2, "new");
  lua_setfield(L, -2, "writer");
  return 1;
}

}  // namespace perilune::runtime
