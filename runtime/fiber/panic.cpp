#include "runtime/fiber/panic.hpp"

#include <array>
#include <cstdio>
#include <lua.hpp>

#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/script/traceback.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

constexpr std::string_view kHeading = "stack traceback:";

std::string name_of(const Vm::Impl& vm, const Fiber& fiber) {
  if (!fiber.is_main) return "Fiber " + fiber_name(fiber.id);
  // Where things lie in a worker's memory is nobody's business.
  if (vm.config.profile != Profile::Engine) return "Main fiber";
  std::array<char, 48> text{};
  (void)std::snprintf(text.data(), text.size(), "Main fiber from VM %p",
                      static_cast<const void*>(&vm.self));
  return text.data();
}

/// The frames of one dead coroutine, or of the fiber itself.
void append_frames(lua_State* L, const Vm::Impl& vm, lua_State* dead, const std::string& message,
                   std::string& traceback) {
  int line = line_in_message(dead, message);
  if (line == 0 && vm.raised_in == dead) line = vm.raised_line;
  push_traceback(L, dead, nullptr, 0, line);
  traceback += std::string_view{lua_tostring(L, -1)}.substr(kHeading.size());
  lua_pop(L, 1);
}

}  // namespace

std::string Panic::text() const {
  std::string all = who + " panicked: '" + message + "'";
  if (!traceback.empty()) all += "\n" + traceback;
  return all;
}

std::string fiber_name(std::uint32_t id) {
  std::array<char, 16> text{};
  (void)std::snprintf(text.data(), text.size(), "0x%x", id);
  return text.data();
}

Panic describe_panic(Fiber& fiber, int status) {
  Vm::Impl& vm = fiber.scheduler->vm();
  Panic panic{name_of(vm, fiber), "not enough memory", {}};
  if (status == LUA_ERRMEM) return panic;
  panic.message = "(error object cannot be described)";
  static_cast<void>(vm.protect_here([&](lua_State* L) {
    lua_xmove(fiber.L, L, 1);
    lua_pushvalue(L, -1);
    lua_xmove(L, fiber.L, 1);  // it stays there for a joiner
    panic.message = error_text(L, -1);
    std::string traceback{kHeading};
    const int coroutines = fiber.scheduler->push_failed_coroutines(L, fiber);
    for (int i = 0; i < coroutines; ++i) {
      lua_State* dead = lua_tothread(L, -1 - i);
      if (dead == nullptr) continue;
      append_frames(L, vm, dead, panic.message, traceback);
      traceback += "\n\t(in a coroutine; resumed by)";
    }
    append_frames(L, vm, fiber.L, panic.message, traceback);
    panic.traceback = std::move(traceback);
  }));
  return panic;
}

}  // namespace perilune::runtime
