#pragma once

/// @file
/// A fiber: a Lua coroutine that the scheduler resumes. Lives in its VM's arena.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "runtime/fiber/panic.hpp"
#include "runtime/vm/operation.hpp"

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

class Invocation;
class MutexState;
class Scheduler;
struct FiberHandle;

/// Where a script called a function: kept by value, for the chunk's name may be collected.
struct ScriptPlace {
  std::array<char, 60> file{};
  int line = 0;
};

/// Fields are the scheduler's; others read.
class Fiber {
 public:
  enum class State : std::uint8_t { Ready, Running, Suspended, Done };
  using OnEnd = std::function<void(const std::string* error)>;

  lua_State* L = nullptr;
  Scheduler* scheduler = nullptr;
  Invocation* invocation = nullptr;
  std::unique_ptr<Operation> operation;  ///< what it waits for, until it ran again
  lua_State* suspended_in = nullptr;     ///< the innermost coroutine when it suspended last
  FiberHandle* handle = nullptr;         ///< the script's; nullptr: detached or collected
  Operation* joiner = nullptr;           ///< who waits in join()
  MutexState* held = nullptr;            ///< the mutexes that it has locked
  Fiber* next_ready = nullptr;
  Fiber* next = nullptr;  ///< all fibers of the VM
  Fiber* previous = nullptr;
  Fiber* next_of_invocation = nullptr;
  Fiber* previous_of_invocation = nullptr;
  std::unique_ptr<OnEnd> on_end;        ///< C++ code that hears of its end
  std::unique_ptr<Panic> uncaught;      ///< it runs the uncaught hook, for this
  ScriptPlace* forbidden_at = nullptr;  ///< where suspension was forbidden last; in the VM's arena
  std::uint32_t id = 0;
  int anchor = 0;     ///< index in the VM's table of threads
  int locals = -2;    ///< registry reference of this_fiber.local_ (LUA_NOREF)
  int arguments = 0;  ///< of its first resume
  int cleanup = -2;   ///< registry reference of its list of cleanup handlers (LUA_NOREF: none)
  lua_State* ended = nullptr;  ///< once its function ended and `L` runs handlers: its own stack
  int ended_status = 0;        ///< how that ended
  std::uint32_t cleaning = 0;  ///< runs of cleanup handlers that it is inside of
  std::uint32_t forbid_suspend = 0;
  std::uint32_t disable_interruption = 0;
  State state = State::Ready;
  bool waits_inside = false;  ///< its operation is internal(): the deadlock detector counts it
  bool interrupted = false;
  bool is_main = false;
  bool ran_out = false;             ///< caught an out-of-memory error
  bool failed = false;              ///< Done with an error: it is on L's stack
  bool ended_by_interrupt = false;  ///< Done with `interrupted`
  bool runs_hook = false;           ///< its own error goes to the log, not to the hook
};

/// The script's userdata. `fiber` is nullptr once joined or detached.
struct FiberHandle {
  Fiber* fiber = nullptr;
  std::uint32_t id = 0;
  bool joined = false;
  bool interruption_caught = false;
};

}  // namespace perilune::runtime
