#include "runtime/fiber/mutex.hpp"

#include <array>
#include <cerrno>
#include <lua.hpp>

#include "runtime/fiber/mutex_state.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

extern const LuaClass kMutex;

MutexState& check_mutex(lua_State* L) { return check_object<MutexState>(L, 1, kMutex); }

int l_lock(lua_State* L) { return lock_mutex(L, check_mutex(L), "mutex:lock"); }
int l_try_lock(lua_State* L) { return try_lock_mutex(L, check_mutex(L)); }
int l_try_lock_for(lua_State* L) {
  return try_lock_mutex_for(L, check_mutex(L), "mutex:try_lock_for");
}

int l_unlock(lua_State* L) {
  MutexState& mutex = check_mutex(L);
  if (!mutex.locked()) raise_errno(L, EPERM);
  mutex.release();
  return 0;
}

int l_new(lua_State* L) {
  push_object<MutexState>(L, kMutex, "mutex", next_object_number(L), false);
  return 1;
}

int l_tostring(lua_State* L) { return push_object_label(L, "mutex", check_mutex(L).number()); }

int get(lua_State*, int) { return 0; }
void set(lua_State*, int) {}

constexpr std::array<LuaFunction, 4> kMethods{{
    {"lock", l_lock, true, "m:lock()",
     "Takes the mutex, at once and without running another fiber if it is free; else waits. Not an "
     "interruption point. A fiber that locks it twice waits for itself."},
    {"try_lock", l_try_lock, false, "m:try_lock() -> boolean",
     "Takes the mutex if it is free; says whether it did."},
    {"try_lock_for", l_try_lock_for, true, "m:try_lock_for(seconds) -> boolean",
     "Like `lock`, but gives up after that time and returns false. 0 is `try_lock`; EDOM for a "
     "time that is negative, infinite or not a number. Not an interruption point."},
    {"unlock", l_unlock, false, "m:unlock()",
     "Gives it to the fiber that has waited longest, which is queued to run. Any fiber may unlock. "
     "EPERM if it is not locked."},
}};
constexpr std::array<LuaFunction, 1> kFunctions{{
    {"new", l_new, false, "mutex.new() -> mutex", "A mutex that nobody has locked."},
}};
constexpr std::array<luaL_Reg, 1> kMeta{{{"__tostring", l_tostring}}};
const LuaClass kMutex{
    .name = "perilune.mutex",
    .shown = "mutex",
    .methods = kMethods,
    .readable = {},
    .writable = {},
    .index = lua_index<get>,
    .newindex = lua_newindex<set>,
    .collect = collect_object<MutexState>,
    .meta = kMeta,
    .help =
        "**Fairness.** Fibers get it in the order in which they asked. `unlock` hands it to the "
        "next one before that runs, so nobody else can take it in between. If the fiber that "
        "was handed it is ended by a limit before it ran, the next one gets it. A mutex whose "
        "fiber ended without unlocking it stays locked."};
constexpr std::array kClasses{&kMutex};

}  // namespace

const ModuleReference kMutexReference{
    .name = "mutex",
    .summary = "Mutual exclusion between the fibers of one VM.",
    .functions = kFunctions,
    .classes = kClasses,
};

MutexState* test_mutex(lua_State* L, int index) {
  return test_object<MutexState>(L, index, kMutex);
}

int open_mutex(lua_State* L) {
  lua_createtable(L, 0, 1);
  set_functions(L, kFunctions);
  return 1;
}

}  // namespace perilune::runtime
