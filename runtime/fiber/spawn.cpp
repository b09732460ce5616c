// spawn(f) and the methods of the handle that it returns.

#include <cerrno>
#include <cstring>
#include <lua.hpp>
#include <memory>
#include <string_view>
#include <utility>

#include "runtime/fiber/library.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

constexpr const char* kMetatable = "perilune.fiber";

FiberHandle& check_handle(lua_State* L) {
  return *static_cast<FiberHandle*>(luaL_checkudata(L, 1, kMetatable));
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
  [[nodiscard]] std::string resource() const override {
    return "fiber " + std::to_string(target_->id);
  }
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
  const FiberHandle& handle = check_handle(L);
  Scheduler& scheduler = Scheduler::of(L);
  scheduler.check_may_suspend(L, "fiber:join", true);
  if (handle.fiber != nullptr && handle.fiber == scheduler.current()) raise_errno(L, EDEADLK);
  Fiber& fiber = check_joinable(L, handle);
  if (fiber.state == Fiber::State::Done) return take_results(L, fiber);
  return suspend(L, std::make_unique<Join>(fiber));
}

int l_detach(lua_State* L) {
  Fiber& fiber = check_joinable(L, check_handle(L));
  fiber.scheduler->detach(fiber);
  return 0;
}

int l_interrupt(lua_State* L) {
  const FiberHandle& handle = check_handle(L);
  if (handle.fiber != nullptr) handle.fiber->scheduler->interrupt(*handle.fiber);
  return 0;
}

int l_index(lua_State* L) {
  const FiberHandle& handle = check_handle(L);
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  if (!lua_isnil(L, -1)) return 1;
  const std::string_view key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
  if (key == "joinable") {
    lua_pushboolean(L, handle.fiber != nullptr && handle.fiber->joiner == nullptr);
  } else if (key == "interruption_caught" || key == "cancellation_caught") {
    if (!handle.joined) raise_errno(L, EINVAL);
    lua_pushboolean(L, handle.interruption_caught);
  } else {
    raise_core(L, CoreError::BadIndex);
  }
  return 1;
}

int l_newindex(lua_State* L) { raise_errno(L, EPERM); }

int l_gc(lua_State* L) {
  const FiberHandle& handle = check_handle(L);
  if (handle.fiber == nullptr) return 0;
  Scheduler& scheduler = *handle.fiber->scheduler;
  if (!scheduler.dropping()) scheduler.detach(*handle.fiber);
  return 0;
}

int l_tostring(lua_State* L) {
  const FiberHandle& handle = check_handle(L);
  if (handle.fiber == nullptr) {
    lua_pushliteral(L, "fiber");
  } else {
    lua_pushfstring(L, "fiber %d", static_cast<int>(handle.fiber->id));
  }
  return 1;
}

int l_spawn(lua_State* L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  Scheduler& scheduler = Scheduler::of(L);
  auto* handle = ::new (lua_newuserdata(L, sizeof(FiberHandle))) FiberHandle;
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_setmetatable(L, 2);
  const Fiber* parent = scheduler.current();
  lua_pushvalue(L, 1);
  Fiber& fiber = scheduler.spawn(L, 0, parent == nullptr ? nullptr : parent->invocation);
  handle->fiber = &fiber;
  fiber.handle = handle;
  return 1;
}

}  // namespace

void open_spawn(lua_State* L) {
  luaL_newmetatable(L, kMetatable);
  lua_createtable(L, 0, 4);
  push_suspending(L, l_join, 0);
  lua_setfield(L, -2, "join");
  constexpr luaL_Reg kMethods[] = {
      {"detach", l_detach}, {"interrupt", l_interrupt}, {"cancel", l_interrupt}};
  for (const luaL_Reg& method : kMethods) {
    lua_pushcfunction(L, method.func);
    lua_setfield(L, -2, method.name);
  }
  lua_pushcclosure(L, l_index, 1);
  lua_setfield(L, -2, "__index");
  constexpr luaL_Reg kMeta[] = {
      {"__newindex", l_newindex}, {"__gc", l_gc}, {"__tostring", l_tostring}};
  for (const luaL_Reg& method : kMeta) {
    lua_pushcfunction(L, method.func);
    lua_setfield(L, -2, method.name);
  }
  lua_pushliteral(L, "fiber");
  lua_setfield(L, -2, "__metatable");
  lua_pushcclosure(L, l_spawn, 1);
  lua_setglobal(L, "spawn");
}

}  // namespace perilune::runtime
