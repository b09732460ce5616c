#pragma once

/// @file
/// What is told about a fiber that died of an error which nobody caught.

#include <cstdint>
#include <string>

namespace perilune::runtime {

class Fiber;

struct Panic {
  std::string who;        ///< "Fiber 0x2", "Main fiber from VM 0x55d2…"
  std::string message;    ///< the error as a person reads it
  std::string traceback;  ///< "stack traceback:\n\t…", innermost coroutine first; may be empty

  /// "WHO panicked: 'MESSAGE'", and the traceback in the lines after it.
  [[nodiscard]] std::string text() const;
};

/// "0x2": how `this_fiber.id` and all messages write a fiber's number.
[[nodiscard]] std::string fiber_name(std::uint32_t id);

/// Describes a fiber that ended with an error; `status` is lua_resume's. Calls nothing of the
/// script's. On the VM's C stack.
[[nodiscard]] Panic describe_panic(Fiber& fiber, int status);

}  // namespace perilune::runtime
