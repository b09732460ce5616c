#include "runtime/script/load.hpp"

#include <algorithm>
#include <array>
#include <lua.hpp>

#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

constexpr std::size_t kMaxName = 100;

int refuse(lua_State* L, const char* message) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  return 2;
}

/// Pushes "=name" of what the script calls its chunk: printable and short, since it ends in logs.
void push_name(lua_State* L, std::string_view name) {
  if (!name.empty() && (name[0] == '=' || name[0] == '@')) name.remove_prefix(1);
  std::array<char, kMaxName + 1> text{};
  std::size_t size = 0;
  text[size++] = '=';
  for (const char c : name.substr(0, kMaxName)) {
    const auto byte = static_cast<unsigned char>(c);
    text[size++] = byte < 32 || byte == 127 ? '?' : c;
  }
  lua_pushlstring(L, text.data(), size);
}

}  // namespace

bool push_chunk(lua_State* L, std::string_view source, const std::string& path) {
  const std::string name = "@" + path;
  if (source.starts_with("\xEF\xBB\xBF")) source.remove_prefix(3);
  if (source.starts_with('#')) source.remove_prefix(std::min(source.find('\n'), source.size()));
  if (source.starts_with('\x1B')) {
    lua_pushfstring(L, "%s:1: bytecode is not accepted, only source text", path.c_str());
    return false;
  }
  return luaL_loadbufferx(L, source.data(), source.size(), name.c_str(), "t") == 0;
}

int load_text(lua_State* L) {
  std::size_t size = 0;
  const char* text = luaL_checklstring(L, 1, &size);
  const bool hosted = Vm::of(L).config().profile == Profile::Hosted;
  const bool named = !lua_isnoneornil(L, 2);
  std::size_t name_size = 0;
  const char* given = luaL_optlstring(L, 2, "", &name_size);
  const char* mode = luaL_optstring(L, 3, hosted ? "t" : "bt");
  luaL_checktype(L, 4, LUA_TTABLE);
  lua_settop(L, 4);
  if (hosted) {
    if (size > kMaxLoadText) return refuse(L, "chunk too large (limit: 256 KiB)");
    if (size > 0 && text[0] == '\x1B') return refuse(L, "bytecode is not accepted");
    if (std::string_view{mode}.find('t') == std::string_view::npos)
      return refuse(L, "attempt to load chunk with wrong mode");
    mode = "t";
    push_name(L, named ? std::string_view{given, name_size} : "(load)");
  } else {
    lua_pushvalue(L, named ? 2 : 1);
  }
  if (luaL_loadbufferx(L, text, size, lua_tostring(L, -1), mode) != 0) {
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
  }
  lua_pushvalue(L, 4);
  lua_setfenv(L, -2);
  return 1;
}

}  // namespace perilune::runtime
