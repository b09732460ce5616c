#include "runtime/fiber/scope.hpp"

#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <lua.hpp>
#include <string>
#include <utility>

#include "runtime/fiber/library.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/script/traceback.hpp"
#include "runtime/vm/invocation.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

constexpr double kDepthUnit = 4294967296.0;

struct Mark {
  int size = 0;
  std::uint32_t depth = 0;
};

void push_mark(lua_State* L, int size, std::uint32_t depth) {
  lua_pushnumber(L, size + depth * kDepthUnit);
}

Mark check_mark(lua_State* L) {
  const lua_Number number = luaL_checknumber(L, 1);
  return {static_cast<int>(std::fmod(number, kDepthUnit)),
          static_cast<std::uint32_t>(number / kDepthUnit)};
}

int size_of(lua_State* L, int list) { return static_cast<int>(lua_objlen(L, list)); }

/// Pushes the list of the coroutine `of`, or nothing.
bool push_list(lua_State* L, lua_State* of) {
  const Scheduler& scheduler = Scheduler::of(L);
  const Fiber* fiber = scheduler.current();
  if (fiber == nullptr) return false;
  if (of == fiber->L) {
    if (fiber->cleanup == LUA_NOREF) return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, fiber->cleanup);
    return true;
  }
  if (scheduler.scopes == LUA_NOREF) return false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, scheduler.scopes);
  lua_pushthread(of);
  if (of != L) lua_xmove(of, L, 1);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (lua_istable(L, -1)) return true;
  lua_pop(L, 1);
  return false;
}

/// Pushes the weak table: coroutine -> list.
void push_scopes(lua_State* L, Scheduler& scheduler) {
  if (scheduler.scopes == LUA_NOREF) {
    lua_newtable(L);
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "kv");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    scheduler.scopes = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, scheduler.scopes);
}

/// Sets the local variable of the prelude's `body`, the outermost frame, to the list on top.
void anchor_in_coroutine(lua_State* L) {
  lua_Debug frame{};
  lua_getstack(L, stack_depth(L) - 1, &frame);
  lua_pushvalue(L, -1);
  if (lua_setlocal(L, &frame, 2) == nullptr) luaL_error(L, "no scope here");
}

/// Pushes the list of the running coroutine, which is made if there is none.
void make_list(lua_State* L) {
  if (push_list(L, L)) return;
  Scheduler& scheduler = Scheduler::of(L);
  Fiber* fiber = scheduler.current();
  if (fiber == nullptr) luaL_error(L, "no scope here: not in a fiber");
  lua_createtable(L, 2, 0);
  if (L == fiber->L) {
    lua_pushvalue(L, -1);
    fiber->cleanup = luaL_ref(L, LUA_REGISTRYINDEX);
    return;
  }
  anchor_in_coroutine(L);
  push_scopes(L, scheduler);
  lua_pushthread(L);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

/// Marks where a scope begins, above what is in the list on top.
int bound(lua_State* L, const Fiber* fiber) {
  int size = 0;
  if (push_list(L, L)) {
    size = size_of(L, -1);
    if (size > 0) {
      lua_pushboolean(L, 0);
      lua_rawseti(L, -2, size + 1);
    }
  }
  push_mark(L, size, fiber == nullptr ? 0 : fiber->cleaning);
  return 1;
}

/// Takes the marks of inner scopes from the top of the list that is on the stack's; its size then.
int strip(lua_State* L, int above) {
  int size = size_of(L, -1);
  for (; size > above; --size) {
    lua_rawgeti(L, -1, size);
    const bool handler = lua_toboolean(L, -1) != 0;
    lua_pop(L, 1);
    if (handler) break;
    lua_pushnil(L);
    lua_rawseti(L, -2, size);
  }
  return size;
}

bool over_budget(const Fiber& fiber) {
  const Invocation* invocation = fiber.invocation;
  return invocation != nullptr && (invocation->verdict() != Outcome::Ok || invocation->over_cpu());
}

std::string address(const void* of) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%p", of);
  return text.data();
}

/// The error at index 1 leaves a handler: ends the VM.
void close_vm(lua_State* L, const Fiber& fiber, bool traceback) {
  Vm::Impl& vm = Vm::Impl::of(L);
  const bool engine = vm.config.profile == Profile::Engine;
  // Where things lie in a worker's memory is nobody's business.
  std::string message = "VM ";
  if (engine) message += address(&vm.self) + " ";
  message += "forcibly closed due to error raised on cleanup handler from ";
  message += engine ? "coroutine " + address(L) : "fiber " + std::to_string(fiber.id);
  message += "\n'" + error_text(L, 1) + "'";
  if (traceback) {
    push_traceback(L, L, nullptr, 1);
    message += "\n";
    message += lua_tostring(L, -1);
  }
  const bool memory = error_text(L, 1) == "not enough memory";
  vm.die(memory ? Outcome::MemoryLimit : Outcome::ScriptError, std::move(message));
}

constexpr std::array<LuaFunction, 3> kFunctions{{
    {"scope", nullptr, false, "scope(f, ...) -> results...",
     "Calls `f(...)` and returns all its results. Cleanup handlers that it pushed have run before "
     "`scope` returns or, if `f` fails, before anything catches the error."},
    {"scope_cleanup_push", nullptr, false, "scope_cleanup_push(handler)",
     "Registers a function that the end of the innermost scope calls, whatever ends it. EINVAL if "
     "it is no function."},
    {"scope_cleanup_pop", nullptr, false, "scope_cleanup_pop([execute = true])",
     "Takes the handler that was pushed last out of the innermost scope and, unless `execute` is "
     "false, runs it. Raises `unmatched_scope_cleanup` if the scope has none."},
}};

}  // namespace

int scope_bound(lua_State* L) { return bound(L, Scheduler::of(L).current()); }

int scope_enter(lua_State* L) {
  Scheduler& scheduler = Scheduler::of(L);
  scheduler.check_interruption(L);
  return bound(L, scheduler.current());
}

int scope_pending(lua_State* L) {
  const Mark mark = check_mark(L);
  Fiber* fiber = Scheduler::of(L).current();
  bool pending = false;
  if (fiber != nullptr) fiber->cleaning = mark.depth;
  if (push_list(L, L)) pending = strip(L, mark.size) > mark.size;
  if (pending) fiber->cleaning = mark.depth + 1;
  lua_pushboolean(L, pending);
  return 1;
}

int scope_take(lua_State* L) {
  const Mark mark = check_mark(L);
  Vm::Impl& vm = Vm::Impl::of(L);
  Fiber& fiber = *vm.scheduler.current();
  const int size = push_list(L, L) ? strip(L, mark.size) : 0;
  const bool any = size > mark.size;
  fiber.cleaning = mark.depth + (any ? 1 : 0);
  if (!any) {
    if (fiber.invocation != nullptr && fiber.invocation->verdict() != Outcome::Ok) {
      vm.set_hook(vm.period_for(fiber.invocation));
    }
    return 0;
  }
  lua_rawgeti(L, -1, size);
  lua_pushnil(L);
  lua_rawseti(L, -3, size);
  return 1;
}

int scope_failing(lua_State* L) {
  lua_settop(L, 1);
  const Fiber& fiber = *Scheduler::of(L).current();
  if (!over_budget(fiber)) close_vm(L, fiber, true);
  return 1;
}

int scope_failed(lua_State* L) {
  lua_settop(L, 1);
  Vm::Impl& vm = Vm::Impl::of(L);
  const Fiber& fiber = *vm.scheduler.current();
  if (!over_budget(fiber)) close_vm(L, fiber, false);
  const std::string text = "Fiber " + std::to_string(fiber.id) +
                           ": a cleanup handler was cut short: '" + error_text(L, 1) + "'";
  vm.host.log({LogSeverity::Error, text, {}, {}, fiber.id, fiber.invocation});
  return 0;
}

int scope_push(lua_State* L) {
  if (lua_type(L, 1) != LUA_TFUNCTION) raise_bad_argument(L, 1);
  lua_settop(L, 1);
  make_list(L);
  lua_pushvalue(L, 1);
  lua_rawseti(L, 2, size_of(L, 2) + 1);
  return 0;
}

int scope_pop(lua_State* L) {
  const bool execute = lua_toboolean(L, 1) != 0;
  Fiber* fiber = Scheduler::of(L).current();
  const int size = push_list(L, L) ? size_of(L, -1) : 0;
  if (size > 0) lua_rawgeti(L, -1, size);
  if (size == 0 || lua_toboolean(L, -1) == 0) raise_core(L, CoreError::UnmatchedScopeCleanup);
  if (execute) {
    push_mark(L, size - 1, fiber->cleaning);
    return 1;
  }
  lua_pushnil(L);
  lua_rawseti(L, -3, size);
  return 0;
}

int scope_bad_argument(lua_State* L) {
  luaL_where(L, 2);
  lua_pushfstring(L, "bad argument #1 to 'scope' (function expected, got %s)",
                  lua_isnil(L, 1) ? "no value" : luaL_typename(L, 1));
  lua_concat(L, 2);
  return lua_error(L);
}

bool scope_adopt(lua_State* L, lua_State* thread) {
  const Scheduler& scheduler = Scheduler::of(L);
  if (scheduler.scopes == LUA_NOREF || lua_checkstack(thread, 1) == 0) return false;
  const int base = lua_gettop(L);
  if (!push_list(L, thread) || strip(L, 0) == 0) {
    lua_settop(L, base);
    return false;
  }
  const int count = size_of(L, base + 1);
  make_list(L);
  const int size = size_of(L, -1);
  for (int i = 0; i <= count; ++i) {
    if (i == 0) {
      lua_pushboolean(L, 0);
    } else {
      lua_rawgeti(L, base + 1, i);
    }
    lua_rawseti(L, -2, size + 1 + i);
  }
  lua_settop(L, base);
  push_mark(L, size, scheduler.current()->cleaning);
  return true;
}

// -- the root scope of a fiber --------------------------------------------------------------------

bool Scheduler::clean_up(Fiber& fiber, int& status) {
  if (fiber.ended == nullptr) {
    fiber.ended_status = status;
    fiber.operation.reset();
    // Out of memory: there is headroom until what the fiber's stack held has been collected.
    const bool full = status == LUA_ERRMEM;
    if (full) vm_.heap.begin_collection();
    const auto started = start_cleanup(fiber, full);
    if (full) {
      static_cast<void>(vm_.protect_here([](lua_State* L) { lua_gc(L, LUA_GCCOLLECT, 0); }));
      vm_.heap.end_collection();
    }
    if (started.has_error()) {
      vm_.die(Outcome::MemoryLimit,
              "cleanup handlers of a fiber could not run: " + started.error().detail);
      return false;
    }
    if (fiber.ended != nullptr) {
      resume(fiber);
      return false;
    }
  } else {
    fiber.L = std::exchange(fiber.ended, nullptr);
    status = fiber.ended_status;
  }
  luaL_unref(vm_.state, LUA_REGISTRYINDEX, std::exchange(fiber.cleanup, LUA_NOREF));
  fiber.cleaning = 0;
  return true;
}

/// Gives the fiber a second stack, which the list anchors; the first keeps results or error.
Result<void> Scheduler::start_cleanup(Fiber& fiber, bool drop_stack) {
  return vm_.protect_here([this, &fiber, drop_stack](lua_State* L) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, fiber.cleanup);
    if (strip(L, 0) == 0) return;
    lua_State* thread = lua_newthread(L);
    lua_rawseti(L, -2, 0);
    lua_getfield(L, LUA_REGISTRYINDEX, kCleanupRunner);
    push_mark(L, 0, 0);
    lua_xmove(L, thread, 2);
    if (drop_stack) {
      // Nobody looks at a traceback then: only the error is kept.
      lua_State* rest = lua_newthread(L);
      lua_xmove(fiber.L, rest, 1);
      lua_rawgeti(L, LUA_REGISTRYINDEX, vm_.threads);
      lua_insert(L, -2);
      lua_rawseti(L, -2, fiber.anchor);
      fiber.L = rest;
    }
    fiber.ended = std::exchange(fiber.L, thread);
    fiber.suspended_in = nullptr;
    fiber.arguments = 1;
    fiber.cleaning = 1;
    fiber.forbid_suspend = 0;
  });
}

bool Scheduler::in_grace(const Fiber& fiber) noexcept {
  Invocation* invocation = fiber.invocation;
  if (fiber.cleaning == 0 || invocation == nullptr) return false;
  if (invocation->cleanup_end_.count() == 0) {
    invocation->cleanup_end_ = invocation->cpu_ + Vm::Impl::kGrace;
  }
  return invocation->cpu_ < invocation->cleanup_end_;
}

const ModuleReference kScopeReference{
    .name = "scope",
    .summary =
        "Cleanup that happens whatever ends the work: a result, an error, an interruption.\n\n"
        "```lua\n"
        "scope(function()\n"
        "  m:lock()\n"
        "  scope_cleanup_push(function() m:unlock() end)\n"
        "  work()  -- may return, fail or be interrupted\n"
        "end)\n"
        "```\n\n"
        "Scopes are: what `scope` calls, what `pcall` and `xpcall` call, and (their root scopes) "
        "each fiber, imported module and coroutine. Handlers run last first, with interruption "
        "disabled, and may suspend. `join` waits for those of the fiber. An error object that "
        "passes a scope is not changed, and its traceback is that of where it was raised. Handlers "
        "of a coroutine that never ends do not run, also if it is collected; those of one that "
        "ended run in the stack of who resumed "
        "it.\n\n"
        "A handler that raises an error closes the VM: there is no telling what is left locked. "
        "`perilune run` says so and exits with 1; a hosted app gets a new worker.\n\n"
        "In an invocation that a limit ended (`cpu_limit`, `wall_limit`, `memory_limit`) all "
        "handlers together have 5 ms of CPU, and suspending raises the limit's error; what is left "
        "of a handler then is passed over, and logged. When the VM shuts down, fibers are "
        "interrupted and their handlers run as always; they may wait until whoever stops the VM "
        "has no more patience.",
    .functions = kFunctions,
    .global = true,
};

}  // namespace perilune::runtime
