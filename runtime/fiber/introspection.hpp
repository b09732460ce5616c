#pragma once

/// @file
/// What a fiber is doing: the one record behind fiber dumps and deadlock reports.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/fiber/fiber.hpp"

namespace perilune::runtime {

struct FiberRecord {
  std::uint32_t id = 0;
  Fiber::State state = Fiber::State::Ready;
  bool main = false;
  bool detached = false;     ///< nobody has a handle of it
  bool interrupted = false;  ///< interrupt() was called
  std::string operation;     ///< "mutex:lock"; empty: it does not wait
  std::string resource;      ///< what it waits on, for a person
  bool inside = false;       ///< only another fiber can end the wait
  std::uint32_t holder = 0;  ///< id of the fiber that has to do something first; 0: not known
  std::optional<std::chrono::nanoseconds> age;  ///< of the wait
  std::string where;                            ///< "file:line" in the innermost coroutine
  std::vector<std::string> traceback;  ///< innermost call first, through all coroutines; "..." for
                                       ///< calls left out
  // of its invocation
  std::string request_id;  ///< 32 hexadecimal digits; empty: none
  std::optional<std::chrono::nanoseconds> cpu;
};

/// Calls shown of the innermost and of the outermost part of a deep stack.
inline constexpr int kTracebackFirst = 12;
inline constexpr int kTracebackLast = 10;

/// Allocates nothing in Lua and raises nothing: any time on the VM's thread, in a hook too.
/// `running_in`: the coroutine that runs (a hook's argument), if `fiber` is the current one.
[[nodiscard]] FiberRecord inspect(const Fiber& fiber, lua_State* running_in = nullptr);

/// "file:line" where the fiber was suspended last; the function that it will call, if it has not
/// run yet; "?" if that is not known.
[[nodiscard]] std::string place_of(const Fiber& fiber);

/// "0x1f": as `this_fiber.id` has it.
[[nodiscard]] std::string fiber_id_text(std::uint32_t id);
[[nodiscard]] const char* state_name(Fiber::State state) noexcept;

}  // namespace perilune::runtime
