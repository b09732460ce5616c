#include "runtime/script/errors.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <lua.hpp>
#include <string_view>

#include "runtime/script/error_table.hpp"
#include "runtime/script/prelude.hpp"
#include "runtime/script/traceback.hpp"

namespace perilune::runtime {
namespace {

PeriluneError code_of(Limit limit) {
  switch (limit) {
    case Limit::Memory:
    case Limit::WorkerMemory: return PeriluneError::MemoryLimit;
    case Limit::Cpu:
    case Limit::CpuHard: return PeriluneError::CpuLimit;
    case Limit::Wall: return PeriluneError::WallLimit;
    case Limit::Subrequests:
    case Limit::SubrequestsAtOnce: return PeriluneError::SubrequestLimit;
    case Limit::Fibers: return PeriluneError::FiberLimit;
    case Limit::Timers: return PeriluneError::TimerLimit;
    case Limit::Sockets: return PeriluneError::SocketLimit;
    case Limit::Vms: return PeriluneError::VmLimit;
    case Limit::Body:
    case Limit::BodyStreamed: return PeriluneError::BodyLimit;
    case Limit::Header:
    case Limit::Headers:
    case Limit::HeaderCount:
    case Limit::ResponseHeaders:
    case Limit::ResponseHeaderCount: return PeriluneError::HeaderLimit;
    case Limit::Message:
    case Limit::InboxBytes:
    case Limit::InboxMessages: return PeriluneError::MessageLimit;
    default: return PeriluneError::OtherLimit;
  }
}

const char* unit_name(Unit unit) {
  switch (unit) {
    case Unit::Bytes: return "bytes";
    case Unit::Milliseconds: return "ms";
    case Unit::PerSecond: return "1/s";
    case Unit::Count: break;
  }
  return "count";
}

constexpr const char* kErrorMetatable = "perilune.error_code";
constexpr const char* kCategoryMetatable = "perilune.error_category";
const char kCategoriesKey = 0;

/// The name of the category userdata at `index`, or nullptr.
const char* category_name(lua_State* L, int index) {
  void* found = luaL_testudata(L, index, kCategoryMetatable);
  return found != nullptr ? static_cast<const char*>(found) : nullptr;
}

const char* check_category(lua_State* L, int index) {
  const char* name = category_name(L, index);
  if (name == nullptr) raise_type(L, index, "error_category");
  return name;
}

int category_message(lua_State* L) {
  const char* name = check_category(L, 1);
  const auto code = luaL_checkinteger(L, 2);
  const bool fits = code >= -0x7FFFFFFF && code <= 0x7FFFFFFF;
  lua_pushstring(L, fits ? error_message(name, static_cast<int>(code)) : "Unknown error");
  return 1;
}

int category_tostring(lua_State* L) {
  lua_pushstring(L, check_category(L, 1));
  return 1;
}

int category_index(lua_State* L) {
  if (lua_type(L, 2) != LUA_TSTRING || std::strcmp(lua_tostring(L, 2), "message") != 0)
    raise_bad_index(L, 2);
  lua_pushcfunction(L, category_message);
  return 1;
}

int category_newindex(lua_State* L) { raise_errno(L, EPERM); }

void push_category_metatable(lua_State* L) {
  if (luaL_newmetatable(L, kCategoryMetatable) == 0) return;
  lua_pushcfunction(L, category_index);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, category_newindex);
  lua_setfield(L, -2, "__newindex");
  lua_pushcfunction(L, category_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, "error_category");
  lua_setfield(L, -2, "__metatable");
}

/// Category and code of the error at `index`, read without metamethods; false if it is none.
bool parts(lua_State* L, int index, const char*& category, int& code) {
  if (lua_type(L, index) != LUA_TTABLE) return false;
  lua_pushvalue(L, index);
  lua_pushliteral(L, "category");
  lua_rawget(L, -2);
  category = category_name(L, -1);
  lua_pushliteral(L, "code");
  lua_rawget(L, -3);
  code = static_cast<int>(lua_tointeger(L, -1));
  const bool numeric = lua_type(L, -1) == LUA_TNUMBER;
  lua_pop(L, 3);  // the table keeps the category alive
  return category != nullptr && numeric;
}

int error_tostring(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_pushliteral(L, "message");
  lua_rawget(L, 1);
  if (lua_type(L, -1) == LUA_TSTRING) return 1;
  const char* category = nullptr;
  int code = 0;
  lua_pushstring(L, parts(L, 1, category, code) ? error_message(category, code) : "Unknown error");
  return 1;
}

int error_equal(lua_State* L) {
  const char* left = nullptr;
  const char* right = nullptr;
  int left_code = 0;
  int right_code = 0;
  const bool both = parts(L, 1, left, left_code) && parts(L, 2, right, right_code);
  lua_pushboolean(L, both && left_code == right_code && std::strcmp(left, right) == 0 ? 1 : 0);
  return 1;
}

/// `"saving: " .. e`: an error reads like its message there too.
int error_concat(lua_State* L) {
  for (int i = 1; i <= 2; ++i) {
    const char* category = nullptr;
    int code = 0;
    if (parts(L, i, category, code)) {
      lua_pushcfunction(L, error_tostring);
      lua_pushvalue(L, i);
      lua_call(L, 1, 1);
      lua_replace(L, i);
    } else if (lua_isstring(L, i) == 0) {
      luaL_error(L, "attempt to concatenate a %s value", luaL_typename(L, i));
    }
  }
  lua_settop(L, 2);
  lua_concat(L, 2);
  return 1;
}

int error_togeneric(lua_State* L) {
  const char* category = nullptr;
  int code = 0;
  if (!parts(L, 1, category, code)) raise_type(L, 1, "error_code");
  const int generic = generic_code(category, code);
  if (generic == 0 || std::strcmp(category, kGenericCategory) == 0) {
    lua_settop(L, 1);
  } else {
    push_code(L, kGenericCategory, generic);
  }
  return 1;
}

void push_error_metatable(lua_State* L) {
  if (luaL_newmetatable(L, kErrorMetatable) == 0) return;
  constexpr std::array<luaL_Reg, 4> kMeta{{{"__tostring", error_tostring},
                                           {"__eq", error_equal},
                                           {"__concat", error_concat},
                                           {nullptr, nullptr}}};
  luaL_register(L, nullptr, kMeta.data());
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, error_togeneric);
  lua_setfield(L, -2, "togeneric");
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, "error_code");
  lua_setfield(L, -2, "__metatable");
}

}  // namespace

// The userdata's bytes are its name.
void push_category(lua_State* L, const char* name) {
  lua_pushlightuserdata(L, const_cast<char*>(&kCategoriesKey));
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushlightuserdata(L, const_cast<char*>(&kCategoriesKey));
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
  }
  lua_getfield(L, -1, name);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    const std::size_t size = std::strlen(name) + 1;
    std::memcpy(lua_newuserdata(L, size), name, size);
    push_category_metatable(L);
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name);
  }
  lua_remove(L, -2);
}

void push_code(lua_State* L, const char* category, int code, const char* message) {
  luaL_checkstack(L, 6, "error code");
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, code);
  lua_setfield(L, -2, "code");
  push_category(L, category);
  lua_setfield(L, -2, "category");
  if (message != nullptr) {
    lua_pushstring(L, message);
    lua_setfield(L, -2, "message");
  }
  push_error_metatable(L);
  lua_setmetatable(L, -2);
}

void raise_code(lua_State* L, const char* category, int code, const char* message) {
  push_code(L, category, code, message);
  lua_error(L);
  __builtin_unreachable();
}

void raise_errno(lua_State* L, int number) { raise_code(L, kGenericCategory, number); }

void raise_system(lua_State* L, int number) { raise_code(L, kSystemCategory, number); }

void raise_bad_argument(lua_State* L, int argument) {
  push_code(L, kGenericCategory, EINVAL);
  lua_pushinteger(L, argument);
  lua_setfield(L, -2, "arg");
  lua_error(L);
  __builtin_unreachable();
}

void raise_bad_index(lua_State* L, int key) {
  push_code(L, kCoreCategory, static_cast<int>(CoreError::BadIndex));
  lua_pushvalue(L, key);
  lua_setfield(L, -2, "index");
  lua_error(L);
  __builtin_unreachable();
}

void raise_type(lua_State* L, int argument, const char* expected) {
  luaL_checkstack(L, 4, "error");
  const char* actual = argument > lua_gettop(L) ? "no value" : luaL_typename(L, argument);
  // Of a function that may suspend the script knows the wrapper: the caller of ours.
  lua_Debug frame{};
  lua_Debug caller{};
  const bool known = lua_getstack(L, 0, &frame) != 0 && lua_getinfo(L, "n", &frame) != 0;
  if (lua_getstack(L, 1, &caller) != 0 && lua_getinfo(L, "Sn", &caller) != 0 &&
      std::strcmp(caller.source, kPreludeChunk) == 0) {
    frame = caller;
  }
  const char* name = known && frame.name != nullptr && *frame.name != '\0' ? frame.name : "?";
  if (frame.namewhat != nullptr && std::strcmp(frame.namewhat, "method") == 0) --argument;
  push_position(L, 1);
  const char* position = lua_tostring(L, -1);
  const char* colon = *position == '\0' ? "" : ": ";
  if (argument == 0) {
    lua_pushfstring(L, "%s%scalling '%s' on bad self (%s expected, got %s)", position, colon, name,
                    expected, actual);
  } else {
    lua_pushfstring(L, "%s%sbad argument #%d to '%s' (%s expected, got %s)", position, colon,
                    argument, name, expected, actual);
  }
  lua_error(L);
  __builtin_unreachable();
}

void raise_core(lua_State* L, CoreError code, const char* message) {
  raise_code(L, kCoreCategory, static_cast<int>(code), message);
}

void push_limit(lua_State* L, Limit limit, std::uint64_t used, std::uint64_t allowed) {
  const LimitSpec& row = spec(limit);
  std::array<char, 160> text{};
  (void)std::snprintf(text.data(), text.size(), "%.*s: %llu in use, limit %llu",
                      static_cast<int>(row.key.size()), row.key.data(),
                      static_cast<unsigned long long>(used),
                      static_cast<unsigned long long>(allowed));
  push_code(L, kPeriluneCategory, static_cast<int>(code_of(limit)), text.data());
  lua_pushnumber(L, static_cast<double>(allowed));
  lua_setfield(L, -2, "limit");
  lua_pushnumber(L, static_cast<double>(used));
  lua_setfield(L, -2, "used");
  lua_pushstring(L, unit_name(row.unit));
  lua_setfield(L, -2, "unit");
}

void raise_limit(lua_State* L, Limit limit, std::uint64_t used, std::uint64_t allowed) {
  push_limit(L, limit, used, allowed);
  lua_error(L);
  __builtin_unreachable();
}

std::string error_text(lua_State* L, int index) {
  const int type = lua_type(L, index);
  if (type == LUA_TSTRING) {
    std::size_t size = 0;
    const char* text = lua_tolstring(L, index, &size);
    return {text, size};
  }
  if (type == LUA_TNUMBER) {
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), "%.14g", lua_tonumber(L, index));
    return text.data();
  }
  const char* category = nullptr;
  int code = 0;
  if (!parts(L, index, category, code))
    return std::string{"(error object is a "} + lua_typename(L, type) + " value)";
  lua_pushvalue(L, index);
  lua_pushliteral(L, "message");
  lua_rawget(L, -2);
  std::string text =
      lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : error_message(category, code);
  lua_pop(L, 2);
  return text;
}

bool is_code(lua_State* L, int index, const char* category, int code) {
  const char* found = nullptr;
  int number = 0;
  return parts(L, index, found, number) && number == code && std::strcmp(found, category) == 0;
}

}  // namespace perilune::runtime
