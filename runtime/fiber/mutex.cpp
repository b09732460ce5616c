#include "runtime/fiber/mutex.hpp"

#include <array>
#include <cerrno>
#include <lua.hpp>
#include <memory>

#include "runtime/fiber/library.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

constexpr const char* kMetatable = "perilune.mutex";
extern const LuaClass kMutex;

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
  [[nodiscard]] bool internal() const noexcept override { return true; }
  [[nodiscard]] const void* object() const noexcept override { return mutex_; }
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
  Scheduler::of(L).check_may_suspend(L, "mutex:lock", false);
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
  push_object<Mutex>(L, kMutex);
  return 1;
}

int get(lua_State*, int) { return 0; }
void set(lua_State*, int) {}

constexpr std::array<LuaFunction, 3> kMethods{{
    {"lock", l_lock, true, "m:lock()",
     "Takes the mutex; while another fiber has it, waits. Fibers get it in the order in which they "
     "asked. Not an interruption point."},
    {"try_lock", l_try_lock, false, "m:try_lock() -> boolean",
     "Takes the mutex if it is free; says whether it did."},
    {"unlock", l_unlock, false, "m:unlock()",
     "Gives it to the fiber that has waited longest. EPERM if it is not locked."},
}};
constexpr std::array<LuaFunction, 1> kFunctions{{
    {"new", l_new, false, "mutex.new() -> mutex", "A mutex that nobody has locked."},
}};
const LuaClass kMutex{.name = kMetatable,
                      .shown = "mutex",
                      .methods = kMethods,
                      .readable = {},
                      .writable = {},
                      .index = lua_index<get>,
                      .newindex = lua_newindex<set>,
                      .collect = nullptr};
constexpr std::array kClasses{&kMutex};

}  // namespace

const ModuleReference kMutexReference{
    .name = "mutex",
    .summary = "Mutual exclusion between the fibers of one VM.",
    .functions = kFunctions,
    .classes = kClasses,
};

int open_mutex(lua_State* L) {
  lua_createtable(L, 0, 1);
  set_functions(L, kFunctions);
  return 1;
}

}  // namespace perilune::runtime
