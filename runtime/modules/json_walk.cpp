#include "runtime/modules/json_walk.hpp"

#include <cerrno>
#include <cmath>

#include "runtime/script/errors.hpp"
#include "runtime/script/sort.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

/// Slots that one step needs.
constexpr int kStep = 12;
constexpr int kPollValues = 1024;

}  // namespace

JsonWalk::JsonWalk(lua_State* L, JsonOutput& out) : L_{L}, out_{out}, polls_{kPollValues} {
  push_json_array_tag(L);
  tag_ = lua_topointer(L, -1);
  push_json_null(L);
  null_ = lua_touserdata(L, -1);
  lua_pop(L, 2);
}

void JsonWalk::poll() {
  if (--polls_ > 0) return;
  polls_ = kPollValues;
  if (json_must_stop(L_)) Vm::of(L_).raise_verdict(L_);
}

bool JsonWalk::walk() {
  while (depth > 0) {
    poll();
    lua_checkstack(L_, kStep);
    if (!next(levels[static_cast<unsigned>(depth - 1)])) {
      close();
    } else if (!emit()) {
      return false;
    }
  }
  return true;
}

/// Leaves the level's next value on top (and its name in the text); false at its end.
bool JsonWalk::next(Level& level) {
  switch (level.kind) {
    case Level::Kind::Object: return next_member();
    case Level::Kind::Sorted: return next_sorted(level);
    case Level::Kind::Array: break;
  }
  if (level.index == level.count) return false;
  lua_rawgeti(L_, slot(), ++level.index);
  return true;
}

bool JsonWalk::next_member() {
  while (lua_next(L_, slot()) != 0) {
    if (lua_type(L_, -2) == LUA_TSTRING && !skipped()) {
      std::size_t size = 0;
      const char* name = lua_tolstring(L_, -2, &size);
      out_.name(L_, {name, size});
      return true;
    }
    lua_pop(L_, 1);
    poll();
  }
  lua_pushnil(L_);  // lua_next took the key's slot
  return false;
}

bool JsonWalk::next_sorted(Level& level) {
  while (level.index < level.count) {
    lua_rawgeti(L_, slot() + 1, ++level.index);
    lua_pushvalue(L_, -1);
    lua_rawget(L_, slot());
    if (!lua_isnil(L_, -1) && !skipped()) {
      std::size_t size = 0;
      const char* name = lua_tolstring(L_, -2, &size);
      out_.name(L_, {name, size});
      lua_remove(L_, -2);
      return true;
    }
    lua_pop(L_, 2);
    poll();
  }
  return false;
}

/// True if the value on top has no place in an object.
bool JsonWalk::skipped() {
  switch (lua_type(L_, -1)) {
    case LUA_TSTRING:
    case LUA_TNUMBER:
    case LUA_TBOOLEAN:
    case LUA_TTABLE: return false;
    case LUA_TUSERDATA:
      if (lua_touserdata(L_, -1) == null_) return false;
      if (!has_tojson()) return true;
      lua_pop(L_, 1);
      return false;
    default: return true;
  }
}

/// Pushes the metamethod of the value on top, if there is one.
bool JsonWalk::has_tojson() {
  if (lua_getmetatable(L_, -1) == 0) return false;
  lua_pushvalue(L_, JsonSlots::kToJson);
  lua_rawget(L_, -2);
  lua_remove(L_, -2);
  if (!lua_isnil(L_, -1)) return true;
  lua_pop(L_, 1);
  return false;
}

bool JsonWalk::emit() {
  switch (lua_type(L_, -1)) {
    case LUA_TNUMBER: out_.number(L_, lua_tonumber(L_, -1)); break;
    case LUA_TBOOLEAN: out_.boolean(L_, lua_toboolean(L_, -1) != 0); break;
    case LUA_TSTRING: {
      std::size_t size = 0;
      const char* text = lua_tolstring(L_, -1, &size);
      out_.string(L_, {text, size});
      break;
    }
    case LUA_TNIL:
      if (depth == 0) raise_unencodable();
      out_.null(L_);
      break;
    case LUA_TTABLE: {
      if (lua_getmetatable(L_, -1) != 0) {
        const bool array = lua_topointer(L_, -1) == tag_;
        lua_pop(L_, 1);
        if (!array && has_tojson()) return false;
        open(array);
      } else {
        open(false);
      }
      return true;
    }
    case LUA_TUSERDATA:
      if (lua_touserdata(L_, -1) == null_) {
        out_.null(L_);
        break;
      }
      if (has_tojson()) return false;
      raise_unencodable();
    default: raise_unencodable();
  }
  lua_pop(L_, 1);
  return true;
}

void JsonWalk::raise_unencodable() {
  push_code(L_, kGenericCategory, EINVAL,
            lua_pushfstring(L_, "a %s has no JSON form", luaL_typename(L_, -1)));
  lua_pushinteger(L_, 1);
  lua_setfield(L_, -2, "arg");
  lua_error(L_);
  __builtin_unreachable();
}

void JsonWalk::check_cycle() {
  const void* table = lua_topointer(L_, -1);
  bool found = false;
  for (int i = 0; i < depth; ++i) found = found || levels[static_cast<unsigned>(i)].table == table;
  if (!found && !lua_isnil(L_, JsonSlots::kVisited)) {
    lua_pushvalue(L_, -1);
    lua_rawget(L_, JsonSlots::kVisited);
    found = lua_toboolean(L_, -1) != 0;
    lua_pop(L_, 1);
  }
  if (found) raise_code(L_, kJsonDomCategory, static_cast<int>(JsonDomError::CycleExists));
}

/// The table on top becomes a level.
void JsonWalk::open(bool array) {
  const void* table = lua_topointer(L_, -1);
  check_cycle();
  const int length = array ? static_cast<int>(lua_objlen(L_, -1)) : sequence_length();
  array = array || length > 0;
  out_.begin(L_, !array);
  Level level{table, 0, length, Level::Kind::Array, false};
  if (!array && out_.style().sort_keys) {
    push_sorted_keys();
    level.kind = Level::Kind::Sorted;
    level.count = static_cast<int>(lua_objlen(L_, -1));
  } else {
    lua_pushnil(L_);
    if (!array) level.kind = Level::Kind::Object;
  }
  levels[static_cast<unsigned>(depth++)] = level;
}

void JsonWalk::close() {
  const Level& level = levels[static_cast<unsigned>(depth - 1)];
  if (level.noted) {
    lua_pushvalue(L_, slot());
    lua_pushnil(L_);
    lua_rawset(L_, JsonSlots::kVisited);
  }
  out_.end(L_, level.kind != Level::Kind::Array);
  lua_pop(L_, 2);
  --depth;
}

/// The length of the table on top if its keys are 1..n, else 0.
int JsonWalk::sequence_length() {
  lua_pushnil(L_);
  if (lua_next(L_, -2) == 0) return 0;
  double largest = 0;
  int count = 0;
  do {
    lua_pop(L_, 1);
    const lua_Number key = lua_type(L_, -1) == LUA_TNUMBER ? lua_tonumber(L_, -1) : 0;
    if (!(key >= 1) || std::trunc(key) != key) {
      lua_pop(L_, 1);
      return 0;
    }
    largest = key > largest ? key : largest;
    ++count;
    poll();
  } while (lua_next(L_, -2) != 0);
  return largest == count ? count : 0;
}

/// Pushes the table's names in the order of their bytes.
void JsonWalk::push_sorted_keys() {
  const int table = lua_gettop(L_);
  lua_newtable(L_);
  int count = 0;
  lua_pushnil(L_);
  while (lua_next(L_, table) != 0) {
    lua_pop(L_, 1);
    poll();
    if (lua_type(L_, -1) != LUA_TSTRING) continue;
    lua_pushvalue(L_, -1);
    lua_rawseti(L_, table + 1, ++count);
  }
  lua_pushcfunction(L_, table_sort_plain);
  lua_pushvalue(L_, table + 1);
  lua_call(L_, 1, 0);
}

}  // namespace perilune::runtime
