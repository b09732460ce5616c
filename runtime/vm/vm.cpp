#include "runtime/vm/vm.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <lua.hpp>

#include "runtime/fiber/library.hpp"
#include "runtime/modules/standard.hpp"
#include "runtime/script/library.hpp"
#include "runtime/script/modules.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

void* allocate(void* impl, void* block, std::size_t from, std::size_t to) {
  return static_cast<Vm::Impl*>(impl)->heap.reallocate(block, from, to);
}

/// Every entry into Lua is protected, so this is a bug of ours: end before memory is corrupted.
int on_unprotected_error(lua_State* L) {
  const char* text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?";
  std::fprintf(stderr, "error outside of a protected call: %s\n", text);
  std::abort();
}

void make_verdicts(Vm::Impl& vm, lua_State* L) {
  for (std::size_t i = 0; i < vm.verdicts.size(); ++i) {
    const std::string_view text = name(static_cast<Outcome>(i));
    lua_pushlstring(L, text.data(), text.size());
    vm.verdicts[i] = luaL_ref(L, LUA_REGISTRYINDEX);
  }
}

/// LuaJIT keeps a table of those parts of the address space (of 2^39 bytes) that light userdata
/// point into. All that we use are entered now: later the entry might fail where nobody catches it.
void know_address_space(Vm::Impl& vm, lua_State* L) {
  constexpr auto kPart = [](std::uintptr_t number) { return number << 39U; };
  for (const std::uintptr_t address :
       {std::uintptr_t{0}, kPart(0xfe), kPart(0xff), reinterpret_cast<std::uintptr_t>(&vm)}) {
    lua_pushlightuserdata(L, reinterpret_cast<void*>(address));
    lua_pop(L, 1);
  }
}

}  // namespace

Vm::Vm() = default;

Result<std::unique_ptr<Vm>> Vm::create(const VmConfig& config, VmHost& host,
                                       std::span<const NativeModule> modules) {
  std::unique_ptr<Vm> vm{new Vm};
  vm->impl_ = std::make_unique<Impl>(*vm, config, host, modules);
  Impl& impl = *vm->impl_;
  if (!impl.heap.valid()) return Failure{"system_error", "no address space for a VM's arena"};
  impl.state = lua_newstate(allocate, &impl);
  if (impl.state == nullptr) return Failure{"system_error", "no memory for a lua_State"};
  impl.preemption.state = impl.state;
  lua_atpanic(impl.state, on_unprotected_error);
  const auto opened = vm->protect([&](lua_State* L) {
    know_address_space(impl, L);
    make_verdicts(impl, L);
    lua_newtable(L);
    impl.threads = luaL_ref(L, LUA_REGISTRYINDEX);
    open_library(*vm, L);
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | (config.jit ? LUAJIT_MODE_ON : LUAJIT_MODE_OFF));
    open_fibers(*vm, L);
  });
  if (opened.has_error()) return opened.error();
  if (!impl.heap.enforce()) {
    return Failure{"memory_limit", "memory: the libraries need " +
                                       std::to_string(impl.heap.used()) + " bytes, limit " +
                                       std::to_string(impl.heap.limit())};
  }
  return vm;
}

Vm::~Vm() {
  Impl& vm = *impl_;
  if (vm.state == nullptr) return;
  vm.closing = true;
  vm.scheduler.drop_operations();
  vm.preemption.guarded = true;
  vm.heap.abandon();
  const std::function<void()> close = [&vm] { lua_close(vm.state); };
  if (vm.death != Outcome::Ok || !vm.on_stack(close)) close();
  vm.scheduler.free_all();
  vm.slots.clear();
}

Vm& Vm::of(lua_State* L) noexcept { return Impl::of(L).self; }

Result<void> Vm::start(std::string_view source, const std::string& path, Invocation* invocation) {
  std::string syntax_error;
  const auto started = protect([&](lua_State* L) {
    if (!push_start(*this, L, source, path, "main")) {
      syntax_error = lua_tostring(L, -1);
      return;
    }
    impl_->scheduler.spawn(L, 0, invocation).is_main = true;
  });
  if (started.has_error()) return started.error();
  if (!syntax_error.empty()) return Failure{"syntax_error", std::move(syntax_error)};
  return {};
}

Vm::RunState Vm::run() {
  Impl& vm = *impl_;
  if (vm.death != Outcome::Ok) return RunState::Dead;
  const auto now = vm.clock.begin_slice();
  Timers& timers = vm.scheduler.timers();
  if (timers.size() > 0) {
    vm.running = true;
    timers.expire_until(now);
    vm.running = false;
  }
  if (!vm.preempted && !vm.scheduler.has_ready() && !vm.scheduler.deadlocks.due())
    return RunState::Idle;
  vm.running = true;
  vm.preemption.tick = false;
  vm.preemption.guarded = false;
  set_running(&vm.preemption);
  vm.meter.start();
  vm.clock.set_cpu(vm.meter.started());
  if (!vm.enter(Impl::Command::Run)) vm.die(Outcome::Internal, "no address space for a VM's stack");
  vm.meter.stop();
  set_running(nullptr);
  vm.preemption.guarded = true;
  vm.running = false;
  return vm.result;
}

std::optional<std::chrono::steady_clock::time_point> Vm::next_timer() const {
  const auto timer = impl_->scheduler.timers().next();
  const auto look = impl_->scheduler.deadlocks.next_look();
  return timer && look ? std::min(*timer, *look) : (timer ? timer : look);
}

void Vm::shut_down() {
  impl_->closing = true;
  impl_->scheduler.interrupt_all();
}

Outcome Vm::death() const noexcept { return impl_->death; }
const std::string& Vm::death_message() const noexcept { return impl_->death_message; }
bool Vm::main_done() const noexcept { return impl_->main_done; }
const std::optional<std::string>& Vm::main_error() const noexcept { return impl_->main_error; }
bool Vm::has_handler() const noexcept { return impl_->handler != LUA_NOREF; }
VmHost& Vm::host() noexcept { return impl_->host; }
const VmConfig& Vm::config() const noexcept { return impl_->config; }
lua_State* Vm::main_state() noexcept { return impl_->state; }

VmUsage Vm::usage() const noexcept {
  const Impl& vm = *impl_;
  return {vm.heap.used(), vm.heap.limit(), vm.scheduler.size(),
          static_cast<std::uint32_t>(vm.scheduler.timers().size()), vm.scheduler.invocations()};
}

bool Vm::charge_memory(std::size_t bytes) noexcept { return impl_->heap.charge(bytes); }
void Vm::release_memory(std::size_t bytes) noexcept { impl_->heap.uncharge(bytes); }

Invocation* Vm::current_invocation() noexcept {
  const Fiber* fiber = impl_->scheduler.current();
  return fiber == nullptr ? nullptr : fiber->invocation;
}

void Vm::set_background(Invocation* invocation) noexcept { impl_->background = invocation; }
Invocation* Vm::background() noexcept { return impl_->background; }

void Vm::set_current_invocation(Invocation* invocation) noexcept {
  Fiber* fiber = impl_->scheduler.current();
  if (invocation == nullptr) invocation = impl_->background;
  if (fiber == nullptr || fiber->invocation == invocation) return;
  impl_->scheduler.leave_invocation(*fiber);
  impl_->scheduler.join_invocation(*fiber, invocation);
  impl_->meter.switch_to(invocation);
  impl_->set_hook(impl_->period_for(invocation));
}

void Vm::condemn(Invocation& invocation, Outcome verdict) {
  impl_->scheduler.condemn(invocation, verdict);
}

Fiber& Vm::spawn(lua_State* L, int arguments, Invocation* invocation,
                 std::function<void(const std::string* error)> on_end) {
  Fiber& fiber = impl_->scheduler.spawn(L, arguments, invocation);
  if (on_end) fiber.on_end = std::make_unique<Fiber::OnEnd>(std::move(on_end));
  return fiber;
}

void Vm::push_handler(lua_State* L) { lua_rawgeti(L, LUA_REGISTRYINDEX, impl_->handler); }

void Vm::end(Outcome outcome, std::string message) { impl_->die(outcome, std::move(message)); }
bool Vm::must_stop() { return impl_->must_stop(); }
void Vm::raise_verdict(lua_State* L) { impl_->raise_verdict(L); }

const void*& Vm::class_address(std::uint32_t number) {
  auto& addresses = impl_->class_addresses;
  if (number >= addresses.size()) addresses.resize(number + 1);
  return addresses[number];
}

void* Vm::find_slot(SlotKey key) noexcept {
  for (const auto& [slot, object] : impl_->slots) {
    if (slot == key) return object.get();
  }
  return nullptr;
}

void* Vm::add_slot(SlotKey key, std::shared_ptr<void> object) {
  return impl_->slots.emplace_back(key, std::move(object)).second.get();
}

const NativeModule* Vm::find_module(std::string_view name) const noexcept {
  const std::span<const NativeModule> given{impl_->modules};
  for (const auto modules : {given, fiber_modules(), standard_modules()}) {
    for (const NativeModule& module : modules) {
      if (module.name == name) return &module;
    }
  }
  return nullptr;
}

}  // namespace perilune::runtime
