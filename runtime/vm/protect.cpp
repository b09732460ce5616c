// The one trampoline between C++ and Lua: nothing else calls lua_cpcall or lua_pcall.
#include <lua.hpp>

#include "runtime/script/errors.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

int call_body(lua_State* L) {
  const auto* body = static_cast<const std::function<void(lua_State*)>*>(lua_touserdata(L, 1));
  lua_settop(L, 0);
  (*body)(L);
  return 0;
}

struct Described {
  std::string text;
};

/// Upvalue-free, so the error value comes as the only other thing on the caller's stack.
std::string describe(lua_State* L) {
  if (lua_type(L, -1) == LUA_TSTRING) return error_text(L, -1);
  Described described{"(error object cannot be described)"};
  lua_pushlightuserdata(L, &described);
  lua_pushvalue(L, -2);
  const auto body = [](lua_State* state) -> int {
    auto* out = static_cast<Described*>(lua_touserdata(state, 1));
    out->text = error_text(state, 2);
    return 0;
  };
  lua_pushcfunction(L, body);
  lua_insert(L, -3);
  if (lua_pcall(L, 2, 0, 0) != 0) lua_pop(L, 1);
  return described.text;
}

}  // namespace

Result<void> Vm::Impl::protect_here(const std::function<void(lua_State* L)>& body) {
  auto* context = const_cast<std::function<void(lua_State*)>*>(&body);
  const int status = lua_cpcall(state, call_body, context);
  if (status == 0) return {};
  Failure failure{status == LUA_ERRMEM ? "memory_limit" : "script_error", describe(state)};
  lua_pop(state, 1);
  return failure;
}

Result<void> Vm::protect(const std::function<void(lua_State* L)>& body) {
  Result<void> result;
  Impl& vm = *impl_;
  if (vm.death != Outcome::Ok) return Failure{"vm_dead", vm.death_message};
  const bool ran = vm.on_stack([&] {
    result = vm.protect_here(body);
    if (vm.heap.exhausted()) {
      static_cast<void>(vm.protect_here([&vm](lua_State* L) { vm.collect(L); }));
    }
  });
  if (!ran) return Failure{"system_error", "no address space for a VM's stack"};
  return result;
}

}  // namespace perilune::runtime
