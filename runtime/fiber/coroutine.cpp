#include "runtime/fiber/coroutine.hpp"

#include <array>
#include <cerrno>
#include <lua.hpp>

#include "runtime/fiber/cannot_suspend.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/fiber/scope.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

constexpr const char* kRunning = "cannot resume non-suspended coroutine";

lua_State* check_coroutine(lua_State* L) {
  lua_State* thread = lua_tothread(L, 1);
  luaL_argcheck(L, thread != nullptr, 1, "coroutine expected");
  return thread;
}

/// Upvalue: the prelude's `body`.
int l_create(lua_State* L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State* thread = lua_newthread(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_xmove(L, thread, 2);
  return 1;
}

int failed(lua_State* L, const char* why) {
  lua_pushboolean(L, 0);
  lua_pushstring(L, why);
  return 2;
}

/// Runs `thread` with `arguments` that are on its stack.
int run_nested(lua_State* L, lua_State* thread, int arguments) {
  Scheduler& scheduler = Scheduler::of(L);
  Fiber* fiber = scheduler.current();
  const Scheduler::Nesting outer = scheduler.nesting;
  const std::uint32_t cleaning = fiber == nullptr ? 0 : fiber->cleaning;
  scheduler.nesting = {outer.depth + 1, lua_isyieldable(L) != 0 ? outer.blocked : L, L, &outer};
  const int status = lua_resume(thread, arguments);
  scheduler.nesting = outer;
  if (status == LUA_YIELD && scheduler.native_yield) {
    scheduler.busy.insert_or_assign(thread, L);
    return lua_yield(L, 0);
  }
  // A handler that left its coroutine by coroutine.yield is no longer what runs.
  if (fiber != nullptr) fiber->cleaning = cleaning;
  // Memory may have run out between the end of a wait in there and the taking of its result, and
  // what the operation refers to was on that stack.
  if (fiber != nullptr && status != 0 && status != LUA_YIELD) fiber->operation.reset();
  lua_settop(L, 0);
  if (status != 0 && status != LUA_YIELD && status != LUA_ERRMEM) {
    scheduler.note_failed_coroutine(L, thread);
  }
  const int marks = status != LUA_YIELD && scope_adopt(L, thread) ? 1 : 0;
  const bool fine = status == 0 || status == LUA_YIELD;
  const int results = fine ? lua_gettop(thread) : 1;
  if (lua_checkstack(L, results + 1) == 0) return failed(L, "too many results to resume");
  lua_pushboolean(L, fine);
  lua_xmove(thread, L, results);
  return marks + 1 + results;
}

/// Why `thread` cannot be resumed, or nullptr.
const char* why_not(lua_State* L, lua_State* thread, const Scheduler& scheduler) {
  if (scheduler.nesting.depth >= Scheduler::kDeepestCoroutine) {
    return "stack overflow (too many nested coroutines)";
  }
  if (thread == L) return kRunning;
  const int status = lua_status(thread);
  if (status == LUA_YIELD) return nullptr;
  lua_Debug frame;
  if (status == 0 && lua_getstack(thread, 0, &frame) > 0) return kRunning;
  if (status != 0 || lua_gettop(thread) == 0) return "cannot resume dead coroutine";
  return nullptr;
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
  if (lua_isyieldable(L) == 0) raise_cannot_wait(L, L, "coroutine.yield");
  return lua_yield(L, lua_gettop(L));
}

constexpr std::array<LuaFunction, 7> kFunctions{{
    {"create", nullptr, false, "coroutine.create(f) -> thread",
     "A coroutine that will call `f` with the arguments of its first `resume`. It has a root scope "
     "of its own (see `scope`)."},
    {"resume", nullptr, false, "coroutine.resume(co, ...) -> true, values... | false, error",
     "Runs `co` until it yields, returns or fails; all values are passed, nils too. An "
     "interruption "
     "point before it runs. Resuming a coroutine that is not suspended returns false and says why; "
     "one inside of which another fiber waits raises EPERM. Coroutines nest up to 100 deep."},
    {"wrap", nullptr, false, "coroutine.wrap(f) -> function",
     "A function that resumes a new coroutine each time it is called. It returns the values "
     "without "
     "the `true`, and raises an error as it was raised, without a position in front."},
    {"yield", l_yield, false, "coroutine.yield(...) -> values...",
     "Gives `...` to whoever resumed the coroutine, and returns what it is resumed with next. In a "
     "fiber's own stack it raises `bad_coroutine`: that coroutine is the scheduler's; call "
     "`this_fiber.yield()` to let others run."},
    {"status", l_status, false, "coroutine.status(co) -> string",
     "`\"running\"`, `\"suspended\"`, `\"normal\"` (it resumed another one, or a fiber waits "
     "inside "
     "of it) or `\"dead\"`."},
    {"running", l_running, false, "coroutine.running() -> thread | nil",
     "The running coroutine; nil in a fiber's own stack."},
    {"isyieldable", l_isyieldable, false, "coroutine.isyieldable() -> boolean",
     "Whether `coroutine.yield` would work here: false in a fiber's own stack, and where code in C "
     "waits for this function (a message handler of `xpcall`)."},
}};

}  // namespace

int coroutine_make_create(lua_State* L) {
  lua_settop(L, 1);
  lua_pushcclosure(L, l_create, 1);
  return 1;
}

int coroutine_resume(lua_State* L) {
  lua_State* thread = check_coroutine(L);
  Scheduler& scheduler = Scheduler::of(L);
  scheduler.check_interruption(L);
  if (scheduler.busy.contains(thread)) raise_errno(L, EPERM);
  if (const char* why = why_not(L, thread, scheduler)) return failed(L, why);
  const int arguments = lua_gettop(L) - 1;
  if (lua_checkstack(thread, arguments) == 0) return failed(L, "too many arguments to resume");
  // Its first run: the arguments of the prelude's body are the function and these.
  const bool fresh = lua_status(thread) == 0;
  lua_xmove(L, thread, arguments);
  return run_nested(L, thread, arguments + (fresh ? 1 : 0));
}

int coroutine_continue(lua_State* L) {
  lua_State* thread = check_coroutine(L);
  Scheduler::of(L).continued(thread);
  lua_settop(L, 2);
  // Only if an error kept it from going on when its fiber did, and a script resumed it since.
  if (lua_status(thread) != LUA_YIELD) return failed(L, kRunning);
  const int arguments = lua_isnil(L, 2) ? 0 : 1;
  if (arguments == 1) lua_xmove(L, thread, 1);
  return run_nested(L, thread, arguments);
}

void open_coroutine(lua_State* L) {
  lua_createtable(L, 0, static_cast<int>(kFunctions.size()));
  set_functions(L, kFunctions);
  lua_insert(L, -4);
  lua_setfield(L, -4, "wrap");
  lua_setfield(L, -3, "resume");
  lua_setfield(L, -2, "create");
  lua_setglobal(L, "coroutine");
}

const ModuleReference kCoroutineReference{
    .name = "coroutine",
    .summary =
        "Lua's coroutines, inside a fiber. A function that suspends (`sleep`, `read`, `join`, …) "
        "suspends the *fiber*, through all coroutines that it is nested in; whoever resumed them "
        "does not notice.\n\n"
        "```lua\n"
        "for line in coroutine.wrap(function() while true do coroutine.yield(read_line()) end end) "
        "do\n"
        "  print(line)  -- read_line waits for the network\n"
        "end\n"
        "```\n\n"
        "Meanwhile such a coroutine is busy: its status is `\"normal\"`. A coroutine may be "
        "created "
        "in one fiber and resumed in others, one at a time; whether a call in it can be "
        "interrupted "
        "depends on the fiber that resumed it.",
    .functions = kFunctions,
    .global = true,
};

}  // namespace perilune::runtime
