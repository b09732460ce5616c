#include "runtime/vm/preemption.hpp"
#include <lua.hpp>

#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

thread_local constinit std::atomic<Preemption*> t_running{nullptr};

extern "C" void vm_hook(lua_State* L, lua_Debug*) { Vm::Impl::of(L).on_hook(L); }

}  // namespace

void set_running(Preemption* vm) noexcept { t_running.store(vm, std::memory_order_relaxed); }

Preemption* running() noexcept { return t_running.load(std::memory_order_relaxed); }

void Preemption::on_tick() noexcept {
  tick.store(true, std::memory_order_relaxed);
  if (guarded.load(std::memory_order_relaxed)) return;
  // Switched off first: LuaJIT rewrites its dispatch table only when the mask changes, and a hook
  // that it lost half way is set again by the next tick.
  lua_sethook(state, nullptr, 0, 0);
  lua_sethook(state, vm_hook, LUA_MASKCOUNT, 1);
}

void Preemption::hook_every(int instructions) noexcept {
  const bool before = guarded.exchange(true, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (instructions > 0) {
    lua_sethook(state, vm_hook, LUA_MASKCOUNT, instructions);
  } else {
    lua_sethook(state, nullptr, 0, 0);
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);
  guarded.store(before, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (!before && instructions != 1 && tick.load(std::memory_order_relaxed)) on_tick();
}

}  // namespace perilune::runtime
