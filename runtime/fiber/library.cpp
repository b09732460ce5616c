#include "runtime/fiber/library.hpp"

#include <array>

#include "runtime/fiber/condition_variable.hpp"
#include "runtime/fiber/future.hpp"
#include "runtime/fiber/mutex.hpp"
#include "runtime/fiber/queue.hpp"
#include "runtime/fiber/recursive_mutex.hpp"
#include "runtime/fiber/semaphore.hpp"
#include "runtime/fiber/sleep.hpp"
#include "runtime/fiber/steady_timer.hpp"
#include "runtime/fiber/time.hpp"

namespace perilune::runtime {

void open_fibers(Vm&, lua_State* L) {
  open_prelude(L);
  open_spawn(L);
  open_this_fiber(L);
}

std::span<const NativeModule> fiber_modules() noexcept {
  static constexpr std::array<NativeModule, 9> kModules{{
      {"condition_variable", open_condition_variable},
      {"future", open_future},
      {"mutex", open_mutex},
      {"queue", open_queue},
      {"recursive_mutex", open_recursive_mutex},
      {"semaphore", open_semaphore},
      {"sleep_for", open_sleep_for},
      {"steady_timer", open_steady_timer},
      {"time", open_time},
  }};
  return kModules;
}

}  // namespace perilune::runtime
