// Module `mutex`.

#include <cerrno>
#include <deque>
#include <lua.hpp>
#include <memory>
#include <new>

#include "runtime/fiber/library.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

constexpr const char* kMetatable = "perilune.mutex";

class Lock;

/// Lives in a userdata; whoever waits has it on its stack, so it outlives its waiters.
struct Mutex {
  bool locked = false;
  std::uint32_t owner = 0;  ///< fiber's id, for dumps
  Lock* first = nullptr;
  Lock* last = nullptr;

  void hand_over() noexcept;
};

/// Waiting for a mutex. Not an interruption point; only a verdict takes a fiber out of it.
class Lock final : public Operation {
 public:
  explicit Lock(Mutex& mutex) noexcept : mutex_{&mutex}, previous_{mutex.last} {
    (previous_ != nullptr ? previous_->next_ : mutex.first) = this;
    mutex.last = this;
  }
  ~Lock() override {
    unlink();
    // It was handed the mutex, but its fiber ended before it could run.
    if (granted_) mutex_->hand_over();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  [[nodiscard]] const char* name() const noexcept override { return "mutex:lock"; }
  [[nodiscard]] std::string resource() const override {
    return "mutex, locked by fiber " + std::to_string(mutex_->owner);
  }
  [[nodiscard]] bool interruptible() const noexcept override { return false; }
  void cancel() noexcept override {
    unlink();
    complete_cancelled();
  }
  int finish(lua_State*) override {
    granted_ = false;
    return 0;
  }
  void grant() noexcept {
    unlink();
    granted_ = true;
    mutex_->owner = fiber()->id;
    complete();
  }

 private:
  void unlink() noexcept {
    if (!linked_) return;
    linked_ = false;
    (previous_ != nullptr ? previous_->next_ : mutex_->first) = next_;
    (next_ != nullptr ? next_->previous_ : mutex_->last) = previous_;
  }

  Mutex* mutex_;
  Lock* previous_;
  Lock* next_ = nullptr;
  bool linked_ = true;
  bool granted_ = false;
};

void Mutex::hand_over() noexcept {
  if (first != nullptr) {
    first->grant();
  } else {
    locked = false;
  }
}

Mutex& check_mutex(lua_State* L) { return *static_cast<Mutex*>(luaL_checkudata(L, 1, kMetatable)); }

bool take(lua_State* L, Mutex& mutex) {
  if (mutex.locked) return false;
  mutex.locked = true;
  const Fiber* fiber = Scheduler::of(L).current();
  mutex.owner = fiber == nullptr ? 0 : fiber->id;
  return true;
}

int l_lock(lua_State* L) {
  Mutex& mutex = check_mutex(L);
  Scheduler::of(L).check_may_suspend(L, false);
  if (take(L, mutex)) return 0;
  return suspend(L, std::make_unique<Lock>(mutex));
}

int l_try_lock(lua_State* L) {
  lua_pushboolean(L, take(L, check_mutex(L)));
  return 1;
}

int l_unlock(lua_State* L) {
  Mutex& mutex = check_mutex(L);
  if (!mutex.locked) raise_errno(L, EPERM);
  mutex.hand_over();
  return 0;
}

int l_new(lua_State* L) {
  ::new (lua_newuserdata(L, sizeof(Mutex))) Mutex;
  luaL_getmetatable(L, kMetatable);
  lua_setmetatable(L, -2);
  return 1;
}

}  // namespace

int open_mutex(lua_State* L) {
  if (luaL_newmetatable(L, kMetatable) != 0) {
    lua_createtable(L, 0, 3);
    push_suspending(L, l_lock, 0);
    lua_setfield(L, -2, "lock");
    lua_pushcfunction(L, l_try_lock);
    lua_setfield(L, -2, "try_lock");
    lua_pushcfunction(L, l_unlock);
    lua_setfield(L, -2, "unlock");
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, "mutex");
    lua_setfield(L, -2, "__metatable");
  }
  lua_pop(L, 1);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, l_new);
  lua_setfield(L, -2, "new");
  return 1;
}

}  // namespace perilune::runtime
