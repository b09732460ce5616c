// json.encode: begins a walk, hands it over to Lua where a `__tojson` has to be called, and takes
// it up again behind that.
#include "runtime/modules/json_encode.hpp"

#include <cerrno>
#include <cstring>
#include <lua.hpp>
#include <utility>

#include "runtime/modules/json_walk.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/script/prelude.hpp"

namespace perilune::runtime {
namespace {

// `begin` and `resume` are the functions below; what may suspend is called here.
constexpr std::string_view kDriver = R"lua(
local begin, resume = ...
local function drive(text, walk, tojson, value, state)
  while walk do
    tojson(value, state)
    text, walk, tojson, value, state = resume(walk)
  end
  return text
end
return function(value, options) return drive(begin(value, options)) end
)lua";

using Slots = JsonSlots;

/// The whole of an interrupted walk but for its Lua values.
struct Saved {
  int depth;         ///< levels of the walk
  int outer;         ///< levels of the writer below them
  bool own_writer;   ///< made for the walk, which takes its text
  bool self_noted;   ///< the value whose `__tojson` runs is in `visited`
  bool named;        ///< a member's name waits for its value
  std::size_t size;  ///< of the text, before `__tojson`
};

// Fields of the table that keeps an interrupted walk.
constexpr int kKeptWriter = 1;
constexpr int kKeptState = 2;
constexpr int kKeptVisited = 3;
constexpr int kKeptLevels = 4;
constexpr int kKeptValue = 5;
constexpr int kKept = 5;  ///< then the slots of the levels

[[noreturn]] void raise_misuse(lua_State* L, const char* message) {
  raise_code(L, kGenericCategory, EINVAL, message);
}

/// The text moves into a writer that a script can hold, and `state` is made around it.
void make_state(lua_State* L, JsonOutput& out) {
  push_class(L, kJsonWriter);  // nothing may fail between the move and the finaliser
  lua_pop(L, 1);
  const JsonStyle style = out.style();
  push_object<JsonOutput>(L, kJsonWriter, std::move(out));
  lua_replace(L, Slots::kWriter);
  lua_createtable(L, 0, 3);
  lua_pushvalue(L, Slots::kWriter);
  lua_setfield(L, -2, "writer");
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_replace(L, Slots::kVisited);
  lua_setfield(L, -2, "visited");
  if (style.pretty) {
    lua_pushlstring(L, style.indent.data(), style.indent_size);
    lua_setfield(L, -2, "indent");
  }
  lua_replace(L, Slots::kState);
}

void set_visited(lua_State* L, int slot, bool visited) {
  lua_pushvalue(L, slot);
  if (visited) {
    lua_pushboolean(L, 1);
  } else {
    lua_pushnil(L);
  }
  lua_rawset(L, Slots::kVisited);
}

/// All tables that are being written, and the value itself, go into `visited`.
bool note_all(lua_State* L, JsonWalk& walk, int value) {
  if (lua_isnil(L, Slots::kVisited)) return false;
  for (int i = 0; i < walk.depth; ++i) {
    auto& level = walk.levels[static_cast<unsigned>(i)];
    if (level.noted) continue;
    set_visited(L, Slots::kFixed + 2 * i + 1, true);
    level.noted = true;
  }
  set_visited(L, value, true);
  return true;
}

/// With the value and its `__tojson` on top. Returns what the driver expects.
int hand_over(lua_State* L, JsonWalk& walk, JsonOutput& out, Saved saved) {
  luaL_checkstack(L, LUA_MINSTACK, "json");
  const int value = lua_gettop(L) - 1;
  lua_pushvalue(L, value);
  walk.check_cycle();
  lua_pop(L, 1);
  saved.depth = walk.depth;
  saved.size = out.size();
  saved.named = out.named();
  if (lua_isnil(L, Slots::kWriter)) make_state(L, out);
  saved.self_noted = note_all(L, walk, value);

  const int slots = 2 * walk.depth;
  lua_createtable(L, kKept + slots, 0);
  const int kept = lua_gettop(L);
  const auto keep = [L, kept](int slot, int field) {
    lua_pushvalue(L, slot);
    lua_rawseti(L, kept, field);
  };
  keep(Slots::kWriter, kKeptWriter);
  keep(Slots::kState, kKeptState);
  keep(Slots::kVisited, kKeptVisited);
  keep(value, kKeptValue);
  for (int i = 1; i <= slots; ++i) keep(Slots::kFixed + i, kKept + i);
  const std::size_t bytes = static_cast<std::size_t>(walk.depth) * sizeof(JsonWalk::Level);
  auto* memory = static_cast<char*>(lua_newuserdata(L, sizeof saved + bytes));
  std::memcpy(memory, &saved, sizeof saved);
  std::memcpy(memory + sizeof saved, walk.levels.data(), bytes);
  lua_rawseti(L, kept, kKeptLevels);

  lua_pushnil(L);
  lua_pushvalue(L, kept);
  lua_pushvalue(L, value + 1);
  lua_pushvalue(L, value);
  lua_pushvalue(L, Slots::kState);
  return 5;
}

int finish(lua_State* L, JsonOutput& out, bool own_writer) {
  if (!own_writer) return 0;
  out.push_text(L);
  return 1;
}

/// Pushes the field of the options table, or nil.
void push_option(lua_State* L, int options, const char* name) {
  lua_pushstring(L, name);
  if (lua_type(L, options) == LUA_TTABLE) {
    lua_rawget(L, options);
  } else {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
}

/// Pushes writer, state, visited of the options, or nils.
void push_state(lua_State* L, int options) {
  const int state = lua_gettop(L) + 1;
  push_option(L, options, "state");
  if (!lua_isnil(L, state) && lua_type(L, state) != LUA_TTABLE) raise_json_option(L, "state");
  push_option(L, state, "writer");
  if (lua_type(L, state) == LUA_TTABLE && test_object<JsonOutput>(L, -1, kJsonWriter) == nullptr)
    raise_json_option(L, "state");
  lua_insert(L, state);
  push_option(L, state + 1, "visited");
  if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TTABLE) raise_json_option(L, "state");
}

/// (value, options) become the slots of a walk and the value.
JsonStyle arrange(lua_State* L) {
  const bool plain = lua_isnoneornil(L, 2);
  check_json_options(L, 2);
  lua_settop(L, plain ? 1 : 2);
  const JsonStyle style = plain ? JsonStyle{} : JsonStyle::of(L, 2);
  if (plain) {
    for (int slot = Slots::kWriter; slot <= Slots::kVisited; ++slot) lua_pushnil(L);
  } else {
    push_state(L, 2);
    lua_remove(L, 2);
  }
  lua_pushliteral(L, "__tojson");
  lua_pushvalue(L, 1);
  lua_remove(L, 1);
  return style;
}

int begin(lua_State* L) {
  const JsonStyle style = arrange(L);
  const bool own = lua_isnil(L, Slots::kState);
  JsonOutput text{L, style};
  JsonOutput& out = own ? text : check_json_writer(L, Slots::kWriter);
  JsonWalk walk{L, out};
  const int outer = out.depth();
  if (walk.start()) return finish(L, out, own);
  return hand_over(L, walk, out, {0, outer, own, false, false, 0});
}

/// Whether a `__tojson` left the writer as it has to.
void check_written(lua_State* L, const JsonOutput& out, const Saved& saved) {
  if (out.closed()) raise_misuse(L, "__tojson: the writer's text was taken");
  if (out.depth() != saved.outer + saved.depth)
    raise_misuse(L, "__tojson: an array or object was left open, or one too many was closed");
  if (out.named() || (!saved.named && out.size() == saved.size))
    raise_misuse(L, "__tojson: no value was written");
}

/// Copies what `hand_over` saved out of the table at 1.
Saved restore(lua_State* L, JsonWalk& walk) {
  lua_rawgeti(L, 1, kKeptLevels);
  const auto* memory = static_cast<const char*>(lua_touserdata(L, -1));
  Saved saved{};
  std::memcpy(&saved, memory, sizeof saved);
  walk.depth = saved.depth;
  std::memcpy(walk.levels.data(), memory + sizeof saved,
              static_cast<std::size_t>(saved.depth) * sizeof(JsonWalk::Level));
  lua_pop(L, 1);
  return saved;
}

int resume(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_rawgeti(L, 1, kKeptWriter);
  JsonOutput& out = check_json_writer(L, 2);
  JsonWalk walk{L, out};
  const Saved saved = restore(L, walk);
  check_written(L, out, saved);

  luaL_checkstack(L, 2 * saved.depth + LUA_MINSTACK, "json");
  lua_rawgeti(L, 1, kKeptState);
  lua_rawgeti(L, 1, kKeptVisited);
  lua_pushliteral(L, "__tojson");
  for (int i = 1; i <= 2 * saved.depth; ++i) lua_rawgeti(L, 1, kKept + i);
  lua_rawgeti(L, 1, kKeptValue);
  lua_remove(L, 1);
  if (saved.self_noted) set_visited(L, lua_gettop(L), false);
  lua_pop(L, 1);
  if (walk.walk()) return finish(L, out, saved.own_writer);
  return hand_over(L, walk, out, saved);
}

}  // namespace

void push_json_encode(lua_State* L) {
  if (luaL_loadbuffer(L, kDriver.data(), kDriver.size(), kPreludeChunk) != 0) lua_error(L);
  lua_pushcfunction(L, begin);
  lua_pushcfunction(L, resume);
  lua_call(L, 2, 1);
}

}  // namespace perilune::runtime
