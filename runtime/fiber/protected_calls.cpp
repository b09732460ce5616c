#include "runtime/fiber/protected_calls.hpp"

#include <array>
#include <lua.hpp>

#include "runtime/fiber/scheduler.hpp"
#include "runtime/vm/invocation.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {

int protected_call_check(lua_State* L) {
  Scheduler::of(L).check_interruption(L);
  return 0;
}

int protected_call_recover(lua_State* L) {
  Vm::Impl& vm = Vm::Impl::of(L);
  if (!vm.heap.take_failure()) return 0;
  // Memory may have run out between the end of a wait and the taking of its result.
  if (Fiber* fiber = vm.scheduler.current()) {
    fiber->operation.reset();
    // What it holds is its own until its request is done; a background fiber may never be.
    const Invocation* invocation = fiber->invocation;
    const bool request =
        invocation != nullptr && invocation->config().work == Invocation::Work::Request;
    (request ? fiber->ran_out : vm.suspected_full) = true;
  }
  vm.collect(L);
  return 0;
}

/// While LuaJIT unwinds from the error of a hook it keeps hooks off, so nothing could stop a
/// handler then: it is passed over.
int protected_call_handle(lua_State* L) {
  Vm::Impl& vm = Vm::Impl::of(L);
  const Fiber* fiber = vm.scheduler.current();
  const bool condemned = fiber != nullptr && fiber->invocation != nullptr &&
                         fiber->invocation->verdict() != Outcome::Ok;
  lua_settop(L, 1);
  if (vm.raised_by_hook || condemned) return 1;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

int protected_call_handler(lua_State* L) {
  lua_settop(L, 1);
  if (lua_type(L, 1) != LUA_TFUNCTION) {
    luaL_where(L, 2);
    lua_pushfstring(L, "bad argument #2 to 'xpcall' (function expected, got %s)",
                    lua_isnil(L, 1) ? "no value" : luaL_typename(L, 1));
    lua_concat(L, 2);
    return lua_error(L);
  }
  lua_pushcclosure(L, protected_call_handle, 1);
  return 1;
}

namespace {

constexpr std::array<LuaFunction, 2> kFunctions{{
    {"pcall", nullptr, false, "pcall(f, ...) -> true, results... | false, error",
     "Calls `f(...)`. Returns true and *all* its results (a nil among them hides nothing), or "
     "false "
     "and the error object as it was raised."},
    {"xpcall", nullptr, false, "xpcall(f, handler, ...) -> true, results... | false, handled",
     "As `pcall`, but an error passes through `handler(error)`, which runs before the stack "
     "unwinds: `debug.traceback` still sees where it happened. That is why the handler cannot "
     "suspend: a suspending function raises an error there that says so. The handler is passed "
     "over "
     "for the error of a limit (`cpu_limit`, `wall_limit`), which comes back as it is."},
}};

}  // namespace

const ModuleReference kProtectedCallsReference{
    .name = "pcall",
    .summary =
        "Protected calls, through which a fiber can suspend.\n\n"
        "```lua\n"
        "local ok, result = pcall(fetch, url)  -- fetch may wait for the network\n"
        "```\n\n"
        "Each is an interruption point *before* `f` runs, and a scope (see `scope`): cleanup "
        "handlers that `f` pushed have run when it returns.",
    .functions = kFunctions,
    .global = true,
};

}  // namespace perilune::runtime
