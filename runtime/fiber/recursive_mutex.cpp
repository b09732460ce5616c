#include "runtime/fiber/recursive_mutex.hpp"

#include <array>
#include <cerrno>
#include <lua.hpp>

#include "runtime/fiber/mutex_state.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

extern const LuaClass kMutex;

MutexState& check_mutex(lua_State* L) { return check_object<MutexState>(L, 1, kMutex); }

int l_lock(lua_State* L) { return lock_mutex(L, check_mutex(L), "recursive_mutex:lock"); }
int l_try_lock(lua_State* L) { return try_lock_mutex(L, check_mutex(L)); }
int l_try_lock_for(lua_State* L) {
  return try_lock_mutex_for(L, check_mutex(L), "recursive_mutex:try_lock_for");
}

int l_unlock(lua_State* L) {
  MutexState& mutex = check_mutex(L);
  const Fiber* fiber = Scheduler::of(L).current();
  if (!mutex.locked() || fiber == nullptr || mutex.owner() != fiber) raise_errno(L, EPERM);
  mutex.release();
  return 0;
}

int l_new(lua_State* L) {
  push_object<MutexState>(L, kMutex, "recursive_mutex", next_object_number(L), true);
  return 1;
}

int l_tostring(lua_State* L) {
  return push_object_label(L, "recursive_mutex", check_mutex(L).number());
}

int get(lua_State*, int) { return 0; }
void set(lua_State*, int) {}

constexpr std::array<LuaFunction, 4> kMethods{{
    {"lock", l_lock, true, "m:lock()",
     "Takes the mutex, or one level more of it if the fiber has it; while another fiber has it, "
     "waits. Not an interruption point."},
    {"try_lock", l_try_lock, false, "m:try_lock() -> boolean",
     "Like `lock` if that would not wait; says whether it did."},
    {"try_lock_for", l_try_lock_for, true, "m:try_lock_for(seconds) -> boolean",
     "Like `lock`, but gives up after that time and returns false. 0 is `try_lock`; EDOM for a "
     "time that is negative, infinite or not a number. Not an interruption point."},
    {"unlock", l_unlock, false, "m:unlock()",
     "Gives one level back; the last one gives the mutex to the fiber that has waited longest. "
     "EPERM if the fiber does not have it."},
}};
constexpr std::array<LuaFunction, 1> kFunctions{{
    {"new", l_new, false, "recursive_mutex.new() -> recursive_mutex",
     "A mutex that nobody has locked."},
}};
constexpr std::array<luaL_Reg, 1> kMeta{{{"__tostring", l_tostring}}};
const LuaClass kMutex{
    .name = "perilune.recursive_mutex",
    .shown = "recursive_mutex",
    .methods = kMethods,
    .readable = {},
    .writable = {},
    .index = lua_index<get>,
    .newindex = lua_newindex<set>,
    .collect = collect_object<MutexState>,
    .meta = kMeta,
    .help =
        "Its owner is a fiber: coroutines inside of one fiber share its levels.\n\n"
        "**Fairness.** As of `mutex`: fibers get it in the order in which they asked. One whose "
        "fiber ended without unlocking it stays locked, and nobody can unlock it."};
constexpr std::array kClasses{&kMutex};

}  // namespace

const ModuleReference kRecursiveMutexReference{
    .name = "recursive_mutex",
    .summary =
        "A mutex that the fiber which has it may lock again; it has to be unlocked as often.",
    .functions = kFunctions,
    .classes = kClasses,
};

MutexState* test_recursive_mutex(lua_State* L, int index) {
  return test_object<MutexState>(L, index, kMutex);
}

int open_recursive_mutex(lua_State* L) {
  lua_createtable(L, 0, 1);
  set_functions(L, kFunctions);
  return 1;
}

}  // namespace perilune::runtime
