#include "runtime/script/errors.hpp"

#include <netdb.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <lua.hpp>
#include <string_view>

namespace perilune::runtime {
namespace {

constexpr std::array<const char*, 25> kCoreMessages{
    nullptr,
    "Invalid module name",
    "Module not found",
    "The root module cannot import a parent module",
    "Cyclic import",
    "A leaf module cannot import a child module",
    "Only the main fiber may import modules",
    "Bad root context",
    "Requested key wasn't found in the table/userdata",
    "The fiber coroutine is reserved to the scheduler",
    "Suspension already allowed",
    "Interrupt-ability already allowed",
    "Operation not permitted within a forbid-suspend block",
    "Fiber interrupted",
    "scope_cleanup_pop() called w/o a matching scope_cleanup_push()",
    "Channel closed",
    "Broadcast the address before attempting to receive on it",
    "Can't import internal module",
    "Raise error",
    "Bad RDF",
    "Bad RDF module",
    "Bad RDF error category",
    "Promise already satisfied",
    "Broken promise",
    "The current module is not known",
};

constexpr std::array<const char*, 5> kAsioMiscMessages{
    nullptr, "Already open", "End of file", "Element not found",
    "The descriptor does not fit into the select call's fd_set"};

constexpr std::array<const char*, 5> kNetdbMessages{
    nullptr, "Host not found (authoritative)",
    "Host not found (non-authoritative), try again later",
    "A non-recoverable error occurred during database lookup",
    "The query is valid, but it does not have associated data"};

constexpr std::array<const char*, 6> kHttpMessages{
    nullptr,
    "This operation is not allowed in the socket's current state",
    "The peer does not support streaming responses",
    "The peer sent a malformed message",
    "A token of the message does not fit into the buffer",
    "The socket is already used in the other direction"};

constexpr std::array<const char*, 11> kJsonLexerMessages{
    nullptr,
    "unexpected token",
    "invalid key",
    "invalid value",
    "incompatible type",
    "unbalanced end of an array",
    "unbalanced end of an object",
    "expected the end of an array",
    "expected the end of an object",
    "the text ends too early",
    "no such field"};

constexpr std::array<const char*, 5> kJsonDomMessages{nullptr, "the number is out of range",
                                                      "too many levels", "the array is too long",
                                                      "a table contains itself"};

constexpr std::array<const char*, 25> kPeriluneMessages{nullptr,
                                                        nullptr,
                                                        "CPU limit exceeded",
                                                        "not enough memory",
                                                        "time limit exceeded",
                                                        "too many outbound requests",
                                                        "deadlock",
                                                        "the request was canceled",
                                                        nullptr,
                                                        nullptr,
                                                        nullptr,
                                                        nullptr,
                                                        nullptr,
                                                        nullptr,
                                                        nullptr,
                                                        nullptr,
                                                        "too many fibers",
                                                        "too many timers",
                                                        "too many sockets",
                                                        "too many VMs",
                                                        "message body over the limit",
                                                        "header section over the limit",
                                                        "message over the limit",
                                                        "not allowed",
                                                        "limit exceeded"};

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

const char* addrinfo_message(int code) {
  if (code == EAI_SERVICE) return "Service not found";
  if (code == EAI_SOCKTYPE) return "Socket type not supported";
  return nullptr;
}

template <std::size_t N>
const char* row(const std::array<const char*, N>& table, int code) {
  return code > 0 && static_cast<std::size_t>(code) < N ? table[static_cast<std::size_t>(code)]
                                                        : nullptr;
}

const char* message_of(std::string_view category, int code) {
  const char* text = nullptr;
  // strerrordesc_np: no locale, no files, no allocation.
  if (category == kSystemCategory || category == kGenericCategory) text = strerrordesc_np(code);
  if (category == kCoreCategory) text = row(kCoreMessages, code);
  if (category == kAsioMiscCategory) text = row(kAsioMiscMessages, code);
  if (category == kNetdbCategory) text = row(kNetdbMessages, code);
  if (category == kAddrinfoCategory) text = addrinfo_message(code);
  if (category == kHttpCategory) text = row(kHttpMessages, code);
  if (category == kJsonLexerCategory) text = row(kJsonLexerMessages, code);
  if (category == kJsonDomCategory) text = row(kJsonDomMessages, code);
  if (category == kPeriluneCategory) text = row(kPeriluneMessages, code);
  return text != nullptr ? text : "Unknown error";
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
  return static_cast<const char*>(luaL_checkudata(L, index, kCategoryMetatable));
}

int category_message(lua_State* L) {
  const char* name = check_category(L, 1);
  const auto code = luaL_checkinteger(L, 2);
  const bool fits = code >= -0x7FFFFFFF && code <= 0x7FFFFFFF;
  lua_pushstring(L, fits ? message_of(name, static_cast<int>(code)) : "Unknown error");
  return 1;
}

int category_tostring(lua_State* L) {
  lua_pushstring(L, check_category(L, 1));
  return 1;
}

void push_category_metatable(lua_State* L) {
  if (luaL_newmetatable(L, kCategoryMetatable) == 0) return;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, category_message);
  lua_setfield(L, -2, "message");
  lua_setfield(L, -2, "__index");
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
  lua_pushstring(L, parts(L, 1, category, code) ? message_of(category, code) : "Unknown error");
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
    if (lua_type(L, i) == LUA_TTABLE) {
      lua_pushcfunction(L, error_tostring);
      lua_pushvalue(L, i);
      lua_call(L, 1, 1);
      lua_replace(L, i);
    } else {
      (void)luaL_checkstring(L, i);
    }
  }
  lua_settop(L, 2);
  lua_concat(L, 2);
  return 1;
}

int error_togeneric(lua_State* L) {
  const char* category = nullptr;
  int code = 0;
  luaL_argcheck(L, parts(L, 1, category, code), 1, "error code expected");
  if (std::strcmp(category, kSystemCategory) == 0) {
    push_code(L, kGenericCategory, code);
  } else {
    lua_settop(L, 1);
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
      lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : message_of(category, code);
  lua_pop(L, 2);
  return text;
}

bool is_code(lua_State* L, int index, const char* category, int code) {
  const char* found = nullptr;
  int number = 0;
  return parts(L, index, found, number) && number == code && std::strcmp(found, category) == 0;
}

}  // namespace perilune::runtime
