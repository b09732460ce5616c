#include "runtime/script/bytecode.hpp"

#include <cstdlib>
#include <lua.hpp>
#include <memory>
#include <new>
#include <stdexcept>

#include "runtime/script/prelude.hpp"

namespace perilune::runtime {
namespace {

void* allocate(void*, void* block, std::size_t, std::size_t size) {
  if (size != 0) return std::realloc(block, size);
  std::free(block);
  return nullptr;
}

struct Close {
  void operator()(lua_State* L) const noexcept { lua_close(L); }
};

}  // namespace

Bytecode::Bytecode(std::string_view source) {
  const std::unique_ptr<lua_State, Close> state{lua_newstate(allocate, nullptr)};
  lua_State* L = state.get();
  if (L == nullptr) throw std::bad_alloc{};
  lua_pushcfunction(L, luaopen_string);
  lua_call(L, 0, 1);
  lua_getfield(L, -1, "dump");
  if (luaL_loadbufferx(L, source.data(), source.size(), kPreludeChunk, "t") != 0)
    throw std::logic_error{std::string{"prelude: "} + lua_tostring(L, -1)};
  lua_pushboolean(L, 1);
  lua_call(L, 2, 1);
  std::size_t size = 0;
  const char* code = lua_tolstring(L, -1, &size);
  code_.assign(code, size);
}

void Bytecode::push(lua_State* L) const {
  if (luaL_loadbufferx(L, code_.data(), code_.size(), kPreludeChunk, "b") != 0) lua_error(L);
}

}  // namespace perilune::runtime
