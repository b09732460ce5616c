#include "runtime/modules/stream.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <lua.hpp>
#include <string>

#include "runtime/modules/byte_span.hpp"
#include "runtime/modules/regex_options.hpp"
#include "runtime/modules/scanner.hpp"
#include "runtime/script/bytecode.hpp"

namespace perilune::runtime {
namespace {

[[noreturn]] void raise_argument(lua_State* L, int index) {
  if (lua_type(L, index) == LUA_TSTRING) raise_bad_option(L, lua_tostring(L, index));
  raise_bad_argument(L, static_cast<int>(lua_tointeger(L, index)));
}

/// (argument's number or option's name)
int bad_argument(lua_State* L) { raise_argument(L, 1); }

/// (value, argument) -> its length
int check_span(lua_State* L) {
  const ByteSpan* span = test_byte_span(L, 1);
  if (span == nullptr) raise_argument(L, 2);
  lua_pushnumber(L, static_cast<double>(span->size));
  return 1;
}

/// (span or string, argument) -> span, length
int check_data(lua_State* L) {
  if (lua_type(L, 1) == LUA_TSTRING) {
    const std::string_view text = check_string(L, 1);
    ByteSpan* copy = push_byte_span(L, text.size(), text.size());
    if (!text.empty()) std::memcpy(copy->data, text.data(), text.size());
    lua_replace(L, 1);
  }
  (void)check_span(L);
  lua_pushvalue(L, 1);
  lua_insert(L, -2);
  return 2;
}

/// (value, least, most, argument) -> integer
int check_count(lua_State* L) {
  const double n = lua_type(L, 1) == LUA_TNUMBER ? lua_tonumber(L, 1) : -1;
  if (!(n >= lua_tonumber(L, 2) && n <= lua_tonumber(L, 3)) ||
      n != static_cast<double>(static_cast<long long>(n)))
    raise_argument(L, 4);
  lua_settop(L, 1);
  return 1;
}

/// (what came back, bytes asked for, method)
int broken(lua_State* L) {
  const char* got = lua_type(L, 1) == LUA_TNUMBER ? lua_tostring(L, 1) : luaL_typename(L, 1);
  push_code(L, kGenericCategory, EIO,
            lua_pushfstring(L, "the stream's %s gave %s for %s bytes", luaL_checkstring(L, 3), got,
                            luaL_checkstring(L, 2)));
  return lua_error(L);
}

int is_eof(lua_State* L) {
  lua_pushboolean(L,
                  is_code(L, 1, kAsioMiscCategory, static_cast<int>(AsioMiscError::Eof)) ? 1 : 0);
  return 1;
}

constexpr std::array<luaL_Reg, 7> kHelpers{{{"bad_argument", bad_argument},
                                            {"bad_option", bad_argument},
                                            {"check_span", check_span},
                                            {"check_bytes", check_data},
                                            {"check_count", check_count},
                                            {"broken", broken},
                                            {"is_eof", is_eof}}};

void set_helpers(lua_State* L, std::span<const luaL_Reg> helpers) {
  for (const luaL_Reg& helper : helpers) {
    lua_pushcfunction(L, helper.func);
    lua_setfield(L, -2, helper.name);
  }
}

/// Methods of byte_span under the names that the source uses.
void set_span_functions(lua_State* L) {
  const int helpers = lua_gettop(L);
  push_byte_span(L, 0, 0);
  struct Name {
    const char* method;
    const char* name;
  };
  for (const Name& row : {Name{"slice", "slice"}, Name{"copy", "copy"}}) {
    lua_getfield(L, -1, row.method);
    lua_setfield(L, helpers, row.name);
  }
  lua_getmetatable(L, -1);
  lua_getfield(L, -1, "__tostring");
  lua_setfield(L, helpers, "text");
  lua_pop(L, 2);
  lua_getglobal(L, "byte_span");
  lua_getfield(L, -1, "new");
  lua_setfield(L, helpers, "new_span");
  lua_pop(L, 1);
}

constexpr std::array<LuaFunction, 4> kFunctions{{
    {"read_all", nullptr, true, "stream.read_all(io, span) -> number",
     "Calls `io:read_some` until all of `span` is filled; gives `#span`. At the end of the stream, "
     "the error of `read_some`: how much had come is not known then."},
    {"read_at_least", nullptr, true, "stream.read_at_least(io, span, minimum) -> number",
     "The same until at least `minimum` bytes are there (EINVAL with `arg` 3 if it is more than "
     "`#span`); says how many came."},
    {"write_all", nullptr, true, "stream.write_all(io, span | string) -> number",
     "Calls `io:write_some` until everything is written; says how much that was."},
    {"write_at_least", nullptr, true, "stream.write_at_least(io, span | string, minimum) -> number",
     "The same until at least `minimum` bytes are written."},
}};

constexpr std::array kClasses{&kScannerReference};

}  // namespace

const ModuleReference kStreamReference{
    .name = "stream",
    .summary =
        "A stream is any object with `io:read_some(span) -> number` or `io:write_some(span) -> "
        "number`: a socket, or a table of a script's own whose methods may suspend. The functions "
        "here call these as often as it takes. They are not atomic: another fiber that uses `io` "
        "gets in between. Whatever the stream raises passes. A stream that gives 0, more than it "
        "was asked for, or no integer is EIO.\n\n"
        "```lua\n"
        "local stream = require 'stream'\n"
        "local lines = stream.scanner.new{ stream = socket }\n"
        "local first = tostring(lines:get_line())\n"
        "stream.write_all(socket, 'you said ' .. first .. '\\n')\n"
        "```",
    .functions = kFunctions,
    .classes = kClasses,
};

int open_stream(lua_State* L) {
  static const Bytecode code{std::string{stream_source()} + std::string{scanner_source()}};
  code.push(L);
  lua_createtable(L, 0, 32);
  set_helpers(L, kHelpers);
  set_helpers(L, scanner_helpers());
  set_span_functions(L);
  for (const char* name : {"type", "error", "pcall", "setmetatable", "rawequal"}) {
    lua_getglobal(L, name);
    lua_setfield(L, -2, name);
  }
  lua_getglobal(L, "math");
  lua_getfield(L, -1, "floor");
  lua_setfield(L, -3, "floor");
  lua_pop(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

}  // namespace perilune::runtime
