// pcall, xpcall and coroutine.*, so that a suspension passes through them.
//
// A native function suspends its fiber by yielding out of every coroutine that it is nested in.
// When the fiber goes on, each level is resumed in turn: LuaJIT's C API has no continuations, so
// the part that resumes the next level is Lua code. Level by level it hands the token of the
// suspension inwards, to the `finish` of the function that suspended.
#include <lua.hpp>

#include "runtime/fiber/library.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/bytecode.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

constexpr char kPrelude[] = R"lua(
local raw_pcall, raw_xpcall, check, handler, create, resume, continue, raise, finish, caught = ...

local function settle(co, ok, ...)
  if ok == true or ok == false then return ok, ... end
  return settle(co, continue(co, ok))
end

local function settle_wrap(co, ok, ...)
  if ok == true then return ... end
  if ok == false then return raise(...) end
  return settle_wrap(co, continue(co, ok))
end

local function pcall(...)
  check()
  return caught(raw_pcall(...))
end

local function xpcall(f, h, ...)
  check()
  return caught(raw_xpcall(f, handler(h), ...))
end

local function co_resume(co, ...)
  return settle(co, resume(co, ...))
end

local function co_wrap(f)
  local co = create(f)
  return function(...) return settle_wrap(co, resume(co, ...)) end
end

local function suspending(native)
  return function(...) return finish(native(...)) end
end

return pcall, xpcall, co_resume, co_wrap, suspending
)lua";

int l_check(lua_State* L) {
  Scheduler::of(L).check_interruption(L);
  return 0;
}

/// Passes on what a protected call returned. If that ran out of memory, garbage is collected here,
/// where nothing of the failed call's frames is left on the stack. (A hook's collection still finds
/// its registers behind the caller's.)
int l_caught(lua_State* L) {
  Vm::Impl& vm = Vm::Impl::of(L);
  if (lua_toboolean(L, 1) == 0 && vm.heap.take_failure()) {
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
  }
  return lua_gettop(L);
}

int l_raise(lua_State* L) {
  lua_settop(L, 1);
  return lua_error(L);
}

int l_finish(lua_State* L) { return Scheduler::of(L).finish(L); }

/// Runs the script's handler. While LuaJIT unwinds from the error of a hook it keeps hooks off, so
/// nothing could stop a handler then: it is passed over.
int l_handle(lua_State* L) {
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

int l_handler(lua_State* L) {
  lua_settop(L, 1);
  lua_pushcclosure(L, l_handle, 1);
  return 1;
}

lua_State* check_coroutine(lua_State* L) {
  lua_State* thread = lua_tothread(L, 1);
  luaL_argcheck(L, thread != nullptr, 1, "coroutine expected");
  return thread;
}

int l_create(lua_State* L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State* thread = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, thread, 1);
  return 1;
}

int failed(lua_State* L, const char* why) {
  lua_pushboolean(L, 0);
  lua_pushstring(L, why);
  return 2;
}

/// Runs `thread` with `arguments` that are on its stack. Returns what `settle` expects: true and
/// values, false and an error, or (after a suspension) the token.
int run_nested(lua_State* L, lua_State* thread, int arguments) {
  Scheduler& scheduler = Scheduler::of(L);
  const Scheduler::Nesting outer = scheduler.nesting;
  scheduler.nesting = {outer.depth + 1, outer.yieldable && lua_isyieldable(L) != 0};
  const int status = lua_resume(thread, arguments);
  scheduler.nesting = outer;
  if (status == LUA_YIELD && scheduler.native_yield) {
    scheduler.busy.insert_or_assign(thread, L);
    return lua_yield(L, 0);
  }
  if (status == 0 || status == LUA_YIELD) {
    const int results = lua_gettop(thread);
    lua_settop(L, 0);
    if (lua_checkstack(L, results + 1) == 0) return failed(L, "too many results to resume");
    lua_pushboolean(L, 1);
    lua_xmove(thread, L, results);
    return results + 1;
  }
  // Memory may have run out between the end of a wait in there and the taking of its result, and
  // what the operation refers to was on that stack.
  if (Fiber* fiber = scheduler.current()) fiber->operation.reset();
  lua_settop(L, 0);
  if (status != LUA_ERRMEM) scheduler.note_failed_coroutine(L, thread);
  lua_pushboolean(L, 0);
  lua_xmove(thread, L, 1);
  return 2;
}

const char* why_not(lua_State* L, lua_State* thread, const Scheduler& scheduler) {
  constexpr const char* kRunning = "cannot resume non-suspended coroutine";
  if (scheduler.nesting.depth >= Scheduler::kDeepestCoroutine) {
    return "stack overflow (too many nested coroutines)";
  }
  if (thread == L || scheduler.busy.contains(thread)) return kRunning;
  const int status = lua_status(thread);
  if (status == LUA_YIELD) return nullptr;
  lua_Debug frame;
  if (status == 0 && lua_getstack(thread, 0, &frame) > 0) return kRunning;
  if (status != 0 || lua_gettop(thread) == 0) return "cannot resume dead coroutine";
  return nullptr;
}

int l_resume(lua_State* L) {
  lua_State* thread = check_coroutine(L);
  Scheduler& scheduler = Scheduler::of(L);
  scheduler.check_interruption(L);
  if (const char* why = why_not(L, thread, scheduler)) return failed(L, why);
  const int arguments = lua_gettop(L) - 1;
  if (lua_checkstack(thread, arguments) == 0) return failed(L, "too many arguments to resume");
  lua_xmove(L, thread, arguments);
  return run_nested(L, thread, arguments);
}

int l_continue(lua_State* L) {
  lua_State* thread = check_coroutine(L);
  Scheduler::of(L).busy.erase(thread);
  lua_settop(L, 2);
  const int arguments = lua_isnil(L, 2) ? 0 : 1;
  if (arguments == 1) lua_xmove(L, thread, 1);
  return run_nested(L, thread, arguments);
}

int l_status(lua_State* L) {
  lua_State* thread = check_coroutine(L);
  const char* text = "dead";
  lua_Debug frame;
  if (thread == L) {
    text = "running";
  } else if (Scheduler::of(L).busy.contains(thread)) {
    text = "normal";
  } else if (lua_status(thread) == LUA_YIELD) {
    text = "suspended";
  } else if (lua_status(thread) == 0) {
    if (lua_getstack(thread, 0, &frame) > 0) {
      text = "normal";
    } else if (lua_gettop(thread) > 0) {
      text = "suspended";
    }
  }
  lua_pushstring(L, text);
  return 1;
}

/// True in a fiber's own stack (and outside of fibers): what Lua calls the main coroutine.
bool on_fiber(lua_State* L) {
  const Fiber* fiber = Scheduler::of(L).current();
  return fiber == nullptr || fiber->L == L;
}

int l_running(lua_State* L) {
  if (on_fiber(L)) return 0;
  lua_pushthread(L);
  return 1;
}

int l_isyieldable(lua_State* L) {
  lua_pushboolean(L, !on_fiber(L) && lua_isyieldable(L) != 0);
  return 1;
}

int l_yield(lua_State* L) {
  if (on_fiber(L)) raise_core(L, CoreError::BadCoroutine);
  return lua_yield(L, lua_gettop(L));
}

}  // namespace

void open_prelude(lua_State* L) {
  lua_settop(L, 0);
  static const Bytecode code{kPrelude};
  code.push(L);
  lua_getglobal(L, "pcall");
  lua_getglobal(L, "xpcall");
  for (lua_CFunction f :
       {l_check, l_handler, l_create, l_resume, l_continue, l_raise, l_finish, l_caught}) {
    lua_pushcfunction(L, f);
  }
  lua_call(L, 10, 5);  // pcall, xpcall, resume, wrap, suspending
  lua_setfield(L, LUA_REGISTRYINDEX, kSuspendingWrapper);
  lua_createtable(L, 0, 7);
  lua_insert(L, 3);
  lua_setfield(L, 3, "wrap");
  lua_setfield(L, 3, "resume");
  constexpr luaL_Reg kFunctions[] = {{"create", l_create},
                                     {"status", l_status},
                                     {"running", l_running},
                                     {"isyieldable", l_isyieldable},
                                     {"yield", l_yield}};
  // (stack: pcall, xpcall, coroutine)
  for (const luaL_Reg& function : kFunctions) {
    lua_pushcfunction(L, function.func);
    lua_setfield(L, 3, function.name);
  }
  lua_setglobal(L, "coroutine");
  lua_setglobal(L, "xpcall");
  lua_setglobal(L, "pcall");
}

}  // namespace perilune::runtime
