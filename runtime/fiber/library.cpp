#include "runtime/fiber/library.hpp"

#include <array>

#include "runtime/fiber/mutex.hpp"

namespace perilune::runtime {

void open_fibers(Vm&, lua_State* L) {
  open_prelude(L);
  open_spawn(L);
  open_this_fiber(L);
}

std::span<const NativeModule> fiber_modules() noexcept {
  static constexpr std::array<NativeModule, 3> kModules{
      {{"mutex", open_mutex}, {"sleep_for", open_sleep_for}, {"time", open_time}}};
  return kModules;
}

}  // namespace perilune::runtime
