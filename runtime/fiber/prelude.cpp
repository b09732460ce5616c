// The Lua half of pcall, xpcall, scopes and coroutine.*, so that a suspension passes through them.
//
// A native function suspends its fiber by yielding out of every coroutine that it is nested in.
// When the fiber goes on, each level is resumed in turn: LuaJIT's C API has no continuations, so
// the part that resumes the next level is Lua code. Level by level it hands the token of the
// suspension inwards, to the `finish` of the function that suspended.
#include <array>
#include <lua.hpp>

#include "runtime/fiber/coroutine.hpp"
#include "runtime/fiber/library.hpp"
#include "runtime/fiber/protected_calls.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/fiber/scope.hpp"
#include "runtime/script/bytecode.hpp"
#include "runtime/script/library.hpp"

namespace perilune::runtime {
namespace {

// `used`: a handler was pushed in this VM, ever. Until then a scope costs a look at this flag, and
// no list of any coroutine has an entry. A mark is what `enter` and `bound` return (scope.hpp).
constexpr char kPrelude[] = R"lua(
local raw_pcall, raw_xpcall, type, check, handler, make_create, resume, continue, raise, finish,
  recover, enter, bound, pending, take, failing, failed, push, pop, bad_scope = ...
local used = false

local function run(mark)
  local f = take(mark)
  while f do
    local ok, e = raw_xpcall(f, failing)
    if not ok then failed(e) end
    f = take(mark)
  end
end

local function leave(mark, ok, ...)
  if not ok then recover() end
  if pending(mark) then run(mark) end
  return ok, ...
end

local function after(ok, ...)
  if used then return leave(0, ok, ...) end
  if not ok then recover() end
  return ok, ...
end

local function pcall(...)
  if used then return leave(enter(), raw_pcall(...)) end
  check()
  return after(raw_pcall(...))
end

local function xpcall(f, h, ...)
  h = handler(h)
  if used then return leave(enter(), raw_xpcall(f, h, ...)) end
  check()
  return after(raw_xpcall(f, h, ...))
end

local function scoped_pcall(...)
  if used then return leave(bound(), raw_pcall(...)) end
  return after(raw_pcall(...))
end

local function leave_scope(mark, ...)
  if pending(mark) then run(mark) end
  return ...
end

local function after_scope(...)
  if used then return leave_scope(0, ...) end
  return ...
end

local function scope(f, ...)
  if type(f) ~= 'function' then bad_scope(f) end
  if used then return leave_scope(bound(), f(...)) end
  return after_scope(f(...))
end

local function scope_cleanup_push(f)
  used = true
  push(f)
end

local function scope_cleanup_pop(execute)
  local mark = pop(execute ~= false)
  if mark then run(mark) end
end

local function pass(...) return ... end
local function body(f, ...)
  local list
  return pass(f(...))
end
local create = make_create(body)

local function settle(co, ok, ...)
  if ok == true or ok == false then return ok, ... end
  if type(ok) == 'number' then return leave(ok, ...) end
  return settle(co, continue(co, ok))
end

local function unwrap(ok, ...)
  if ok then return ... end
  return raise(...)
end

local function settle_wrap(co, ok, ...)
  if ok == true then return ... end
  if ok == false then return raise(...) end
  if type(ok) == 'number' then return unwrap(leave(ok, ...)) end
  return settle_wrap(co, continue(co, ok))
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

return suspending, run, scoped_pcall, pcall, xpcall, scope, scope_cleanup_push, scope_cleanup_pop,
  create, co_resume, co_wrap
)lua";

/// What the chunk is given behind raw_pcall, raw_xpcall and type, in its order.
constexpr std::array<lua_CFunction, 17> kPrimitives{protected_call_check,
                                                    protected_call_handler,
                                                    coroutine_make_create,
                                                    coroutine_resume,
                                                    coroutine_continue,
                                                    raise_value,
                                                    finish_suspension,
                                                    protected_call_recover,
                                                    scope_enter,
                                                    scope_bound,
                                                    scope_pending,
                                                    scope_take,
                                                    scope_failing,
                                                    scope_failed,
                                                    scope_push,
                                                    scope_pop,
                                                    scope_bad_argument};

constexpr std::array<const char*, 5> kGlobals{"pcall", "xpcall", "scope", "scope_cleanup_push",
                                              "scope_cleanup_pop"};

}  // namespace

int finish_suspension(lua_State* L) { return Scheduler::of(L).finish(L); }

int raise_value(lua_State* L) {
  lua_settop(L, 1);
  return lua_error(L);
}

void open_prelude(lua_State* L) {
  lua_settop(L, 0);
  push_primitives(L);
  static const Bytecode code{kPrelude};
  code.push(L);
  for (const char* name : {"pcall", "xpcall", "type"}) lua_getglobal(L, name);
  for (const lua_CFunction primitive : kPrimitives) lua_pushcfunction(L, primitive);
  lua_call(L, 3 + static_cast<int>(kPrimitives.size()), 11);
  open_coroutine(L);  // takes create, resume, wrap
  for (auto name = kGlobals.rbegin(); name != kGlobals.rend(); ++name) lua_setglobal(L, *name);
  lua_setfield(L, 1, "scoped_pcall");
  lua_setfield(L, LUA_REGISTRYINDEX, kCleanupRunner);
  lua_setfield(L, LUA_REGISTRYINDEX, kSuspendingWrapper);
  lua_settop(L, 0);
}

}  // namespace perilune::runtime
