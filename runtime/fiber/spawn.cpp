#include "runtime/fiber/spawn.hpp"

#include <array>
#include <cerrno>
#include <lua.hpp>
#include <memory>

#include "runtime/fiber/library.hpp"
#include "runtime/fiber/reachability.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/script/traceback.hpp"

namespace perilune::runtime {
namespace {

constexpr const char* kMetatable = "perilune.fiber";

/// As luaL_checkudata, without looking the class up by name; the error names what the script
/// called, not the function that wraps it.
FiberHandle& check_handle(lua_State* L, const char* function) {
  void* memory = lua_touserdata(L, 1);
  if (memory != nullptr && lua_getmetatable(L, 1) != 0) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, Scheduler::of(L).handle_class);
    const bool same = lua_rawequal(L, -1, -2) != 0;
    lua_pop(L, 2);
    if (same) return *static_cast<FiberHandle*>(memory);
  }
  const char* got = luaL_typename(L, 1);
  push_position(L, 0);
  const char* at = lua_tostring(L, -1);
  lua_pushfstring(L, "%s%sbad argument #1 to '%s' (fiber expected, got %s)", at,
                  *at == '\0' ? "" : ": ", function, got);
  lua_error(L);
  __builtin_unreachable();
}

Fiber& check_joinable(lua_State* L, const FiberHandle& handle) {
  if (handle.fiber == nullptr || handle.fiber->joiner != nullptr) raise_errno(L, EINVAL);
  return *handle.fiber;
}

/// Moves a finished fiber's results to `L` (or raises its error) and gives the fiber up.
int take_results(lua_State* L, Fiber& fiber) {
  const int count = fiber.ended_by_interrupt ? 0 : (fiber.failed ? 1 : lua_gettop(fiber.L));
  luaL_checkstack(L, count, "too many results to join");
  lua_xmove(fiber.L, L, count);
  const bool failed = fiber.failed && !fiber.ended_by_interrupt;
  if (fiber.handle != nullptr) {
    fiber.handle->fiber = nullptr;
    fiber.handle->joined = true;
    fiber.handle->interruption_caught = fiber.ended_by_interrupt;
    fiber.handle = nullptr;
  }
  fiber.scheduler->release(fiber);
  return failed ? lua_error(L) : count;
}

class Join final : public Operation {
 public:
  explicit Join(Fiber& target) noexcept : target_{&target} { target.joiner = this; }
  ~Join() override {
    if (target_ == nullptr) return;
    target_->joiner = nullptr;
    target_->scheduler->release(*target_);
  }
  Join(const Join&) = delete;
  Join& operator=(const Join&) = delete;

  [[nodiscard]] const char* name() const noexcept override { return "fiber:join"; }
  [[nodiscard]] std::string resource() const override { return "fiber " + fiber_name(target_->id); }
  [[nodiscard]] bool internal() const noexcept override { return true; }
  [[nodiscard]] const Fiber* holder() const noexcept override { return target_; }
  void cancel() noexcept override { complete_cancelled(); }
  int finish(lua_State* L) override {
    Fiber& target = *target_;
    luaL_checkstack(L, lua_gettop(target.L), "too many results to join");
    target.joiner = nullptr;
    target_ = nullptr;
    return take_results(L, target);
  }

 private:
  Fiber* target_;
};

int l_join(lua_State* L) {
  const FiberHandle& handle = check_handle(L, "join");
  Scheduler& scheduler = Scheduler::of(L);
  scheduler.check_may_suspend(L, "fiber:join", true);
  if (handle.fiber != nullptr && handle.fiber == scheduler.current()) raise_errno(L, EDEADLK);
  Fiber& fiber = check_joinable(L, handle);
  if (fiber.state == Fiber::State::Done) return take_results(L, fiber);
  return suspend(L, std::make_unique<Join>(fiber));
}

int l_detach(lua_State* L) {
  Fiber& fiber = check_joinable(L, check_handle(L, "detach"));
  fiber.scheduler->detach(fiber);
  return 0;
}

int l_interrupt(lua_State* L) {
  const FiberHandle& handle = check_handle(L, "interrupt");
  if (handle.fiber != nullptr) handle.fiber->scheduler->interrupt(*handle.fiber);
  return 0;
}

enum Property { kJoinable, kInterruptionCaught };

int get(lua_State* L, int id) {
  const FiberHandle& handle = check_handle(L, "__index");
  if (id == kJoinable) {
    lua_pushboolean(L, handle.fiber != nullptr && handle.fiber->joiner == nullptr);
  } else {
    if (!handle.joined) raise_errno(L, EINVAL);
    lua_pushboolean(L, handle.interruption_caught);
  }
  return 1;
}

void set(lua_State*, int) {}

int l_gc(lua_State* L) {
  const auto& handle = *static_cast<const FiberHandle*>(lua_touserdata(L, 1));
  if (handle.fiber == nullptr) return 0;
  Scheduler& scheduler = *handle.fiber->scheduler;
  if (!scheduler.dropping()) scheduler.detach(*handle.fiber);
  return 0;
}

int l_tostring(lua_State* L) {
  lua_pushfstring(L, "fiber %s", fiber_name(check_handle(L, "tostring").id).c_str());
  return 1;
}

constexpr std::array<LuaFunction, 4> kMethods{{
    {"join", l_join, true, "fiber:join() -> values…",
     "Waits until the fiber has ended and returns all that it returned; if it died of an error, "
     "raises that. Returns nothing if it was interrupted: then `interruption_caught` is true. The "
     "fiber's end resumes its joiner before any other fiber. An interruption point: an interrupted "
     "joiner leaves the fiber joinable. EDEADLK for the running fiber itself, EINVAL if it is not "
     "joinable."},
    {"detach", l_detach, false, "fiber:detach()",
     "Gives the handle up; the fiber runs on by itself. If it dies of an error (or has), that is "
     "uncaught: it goes to the uncaught hook, by default to standard error or the log. A handle "
     "that is collected is detached. EINVAL if it is not joinable."},
    {"interrupt", l_interrupt, false, "fiber:interrupt()",
     "Asks the fiber to end: at its next interruption point, or in the one where it waits, "
     "`interrupted` is raised, and again at each one after that. An operation that had already "
     "succeeded keeps its result. Asking twice, or a fiber that has ended, does nothing. Never "
     "suspends. `fiber:cancel()` is another name."},
    {"cancel", l_interrupt},
}};
constexpr std::array<LuaProperty, 3> kProperties{{
    {"joinable", kJoinable,
     "boolean: false once it was joined or detached, and while somebody joins it"},
    {"interruption_caught", kInterruptionCaught,
     "boolean: whether the joined fiber ended by interruption; EINVAL before it was joined. "
     "`cancellation_caught` is another name."},
    {"cancellation_caught", kInterruptionCaught},
}};
constexpr std::array<luaL_Reg, 1> kMeta{{{"__tostring", l_tostring}}};
/// Whoever has the handle can interrupt the fiber, and has the results of one that has ended.
void handle_edges(void* object, ReachedSet& reached) {
  reached.handle(static_cast<FiberHandle*>(object)->fiber);
}

const LuaClass kFiber{.name = kMetatable,
                      .shown = "fiber",
                      .methods = kMethods,
                      .readable = kProperties,
                      .writable = {},
                      .index = lua_index<get>,
                      .newindex = lua_newindex<set>,
                      .collect = l_gc,
                      .meta = kMeta,
                      .help = "What `spawn` returns: the one who has it may join the fiber.",
                      .edges = handle_edges};
constexpr std::array kClasses{&kFiber};

/// The class of handles, made by the first spawn.
void push_handle_class(lua_State* L, Scheduler& scheduler) {
  if (scheduler.handle_class == LUA_NOREF) {
    push_class(L, kFiber);
    scheduler.handle_class = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, scheduler.handle_class);
}

int l_spawn(lua_State* L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  Scheduler& scheduler = Scheduler::of(L);
  const int arguments = lua_gettop(L) - 1;
  auto* handle = ::new (lua_newuserdata(L, sizeof(FiberHandle))) FiberHandle;
  push_handle_class(L, scheduler);
  lua_setmetatable(L, -2);
  lua_insert(L, 1);
  const Fiber* parent = scheduler.current();
  Fiber& fiber = scheduler.spawn(L, arguments, parent == nullptr ? nullptr : parent->invocation);
  handle->fiber = &fiber;
  handle->id = fiber.id;
  fiber.handle = handle;
  return 1;
}

constexpr std::array<LuaFunction, 1> kFunctions{{
    {"spawn", l_spawn, false, "spawn(f, ...) -> fiber",
     "Makes a fiber that will call `f(...)`; it is queued behind all fibers that are ready, and "
     "the "
     "caller runs on. An error of category `perilune` names the limit when there are too many."},
}};

}  // namespace

const ModuleReference kSpawnReference{
    .name = "spawn",
    .summary =
        "Starts fibers: functions that run at the same time, one at a time, and change over "
        "only where one of them waits.\n\n"
        "```lua\n"
        "local fiber = spawn(function(name)\n"
        "  return 'hello, ' .. name\n"
        "end, 'world')\n"
        "print(fiber:join())\n"
        "```",
    .functions = kFunctions,
    .classes = kClasses,
    .global = true,
};

void open_spawn(lua_State* L) {
  lua_pushcfunction(L, l_spawn);
  lua_setglobal(L, "spawn");
}

}  // namespace perilune::runtime
