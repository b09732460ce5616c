// Who is told of an error that nobody will hear of: the script's hook, or the log.
#include <lua.hpp>
#include <utility>

#include "runtime/fiber/library.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

const char kHookKey = 0;

void push_hook(lua_State* L) {
  lua_pushlightuserdata(L, const_cast<char*>(&kHookKey));
  lua_rawget(L, LUA_REGISTRYINDEX);
}

std::size_t charge_of(const Panic& panic) noexcept {
  return sizeof(Panic) + panic.who.size() + panic.message.size() + panic.traceback.size();
}

}  // namespace

int set_uncaught_hook(lua_State* L) {
  luaL_checkany(L, 1);
  luaL_argcheck(L, lua_isfunction(L, 1) || lua_isnil(L, 1), 1, "function or nil expected");
  lua_settop(L, 1);
  lua_pushlightuserdata(L, const_cast<char*>(&kHookKey));
  lua_insert(L, 1);
  lua_rawset(L, LUA_REGISTRYINDEX);
  return 0;
}

void Scheduler::log(const Fiber& fiber, const Panic& panic) {
  const std::string text = panic.text();
  vm_.host.log({LogSeverity::Error, text, {}, {}, fiber.id, fiber.invocation, &panic});
}

void Scheduler::panic(Fiber& fiber, int status) {
  if (fiber.invocation != nullptr && fiber.invocation->verdict_ != Outcome::Ok) return;
  if (fiber.ended_by_interrupt) return;
  const Panic panic = describe_panic(fiber, status);
  if (fiber.runs_hook || !call_uncaught_hook(fiber, panic)) log(fiber, panic);
}

void Scheduler::end_uncaught_hook(Fiber& fiber) {
  const auto about = std::exchange(fiber.uncaught, nullptr);
  vm_.heap.uncharge(charge_of(*about));
  if (fiber.failed) log(fiber, *about);
}

bool Scheduler::call_uncaught_hook(Fiber& fiber, const Panic& panic) {
  if (dropping_ || vm_.closing) return false;
  // A VM that is nearly full must not die of what it is told.
  const std::size_t charge = charge_of(panic);
  if (vm_.heap.used() + charge > vm_.heap.limit() / 4 * 3) return false;
  bool called = false;
  bool charged = false;
  static_cast<void>(vm_.protect_here([&](lua_State* L) {
    luaL_checkstack(L, 8, "uncaught hook");
    push_hook(L);
    if (lua_isnil(L, -1)) return;
    lua_xmove(fiber.L, L, 1);
    lua_pushvalue(L, -1);
    lua_xmove(L, fiber.L, 1);
    lua_pushlstring(L, panic.traceback.data(), panic.traceback.size());
    lua_pushstring(L, fiber_name(fiber.id).c_str());
    charged = vm_.heap.charge(charge);
    if (!charged) luaL_error(L, "not enough memory");
    auto about = std::make_unique<Panic>(panic);
    Fiber& hook = spawn(L, 3, fiber.invocation);
    hook.uncaught = std::move(about);
    hook.runs_hook = true;
    called = true;
  }));
  if (charged && !called) vm_.heap.uncharge(charge);
  return called;
}

}  // namespace perilune::runtime
