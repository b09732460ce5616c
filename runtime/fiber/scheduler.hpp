#pragma once

/// @file
/// Which fiber of a VM runs next (first in, first out), and what happens when it suspends or ends.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/fiber/deadlock.hpp"
#include "runtime/fiber/fiber.hpp"
#include "runtime/fiber/timers.hpp"
#include "runtime/outcome.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {

class Scheduler {
 public:
  /// Coroutines of ended fibers kept for the next ones: about 0.7 KiB each.
  static constexpr std::uint32_t kMostSpares = 64;

  explicit Scheduler(Vm::Impl& vm) noexcept : deadlocks{*this}, vm_{vm} {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  /// The scheduler of the VM that `L` belongs to. Cheap.
  [[nodiscard]] static Scheduler& of(lua_State* L) noexcept;

  /// Makes the function and `arguments` on top of `L`'s stack a fiber, queued last; pops them.
  /// Raises when the quota or memory is exhausted.
  Fiber& spawn(lua_State* L, int arguments, Invocation* invocation);

  [[nodiscard]] Fiber* current() const noexcept { return current_; }
  [[nodiscard]] bool has_ready() const noexcept { return first_ready_ != nullptr; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] std::uint32_t invocations() const noexcept { return invocations_; }
  [[nodiscard]] Timers& timers() noexcept { return timers_; }
  [[nodiscard]] const Timers& timers() const noexcept { return timers_; }
  [[nodiscard]] Fiber* first() const noexcept { return all_; }
  [[nodiscard]] Vm::Impl& vm() noexcept { return vm_; }

  /// Queues a fiber that is not queued.
  void ready(Fiber& fiber) noexcept;
  /// Takes the first ready fiber and runs it until it suspends or ends. VM's C stack.
  void run_one();
  /// Lets go of the coroutines that are kept for the next fibers.
  void drop_spares() noexcept;
  /// A fiber is ready, be it because a deadlock was found just now. VM's C stack.
  [[nodiscard]] bool has_next() {
    deadlocks.end_cycle();
    return has_ready() || deadlocks.on_idle();
  }
  DeadlockDetector deadlocks;

  // -- for functions that suspend
  int suspend(lua_State* L, std::unique_ptr<Operation> operation);
  int yield(lua_State* L);
  /// What `finish` gets after a suspension. Allocates nothing.
  static void push_token(lua_State* L, const Operation& operation) noexcept;
  /// Upper end of a suspension: what the native function returned, or the operation's result.
  int finish(lua_State* L);
  /// Raises if the running fiber must not suspend here and now.
  void check_may_suspend(lua_State* L, const char* operation, bool interruption_point);
  void check_may_wait(lua_State* L);
  /// Raises `interrupted` or the verdict if due.
  void check_interruption(lua_State* L);
  [[nodiscard]] bool interruption_due(const Fiber& fiber) const noexcept;

  // -- the fiber's handle
  void interrupt(Fiber& fiber) noexcept;
  void detach(Fiber& fiber);
  /// The handle is gone and nobody joins: a finished fiber is freed.
  void release(Fiber& fiber) noexcept;

  void join_invocation(Fiber& fiber, Invocation* invocation) noexcept;
  void leave_invocation(Fiber& fiber);
  void condemn(Invocation& invocation, Outcome verdict) noexcept;
  void interrupt_all() noexcept;
  /// True while the VM is destroyed: fibers stay until `free_all`.
  [[nodiscard]] bool dropping() const noexcept { return dropping_; }
  /// Before the lua_State goes: destroys all operations.
  void drop_operations() noexcept;
  void free_all() noexcept;

  // -- what is told of errors (panic.cpp, uncaught.cpp, failed_coroutines.cpp)
  /// Remembers, weakly, that a coroutine of the running fiber ended with the error on its stack's
  /// top: if the error goes on to end the fiber, the traceback shows where it came from. Protected.
  void note_failed_coroutine(lua_State* L, lua_State* thread);
  /// Pushes the coroutines through which the error on top of `L`'s stack came before it ended
  /// `fiber`, the outermost first (so the innermost is on top); nil for one that was collected.
  /// Returns their number.
  int push_failed_coroutines(lua_State* L, const Fiber& fiber);
  /// Tells of an error that nobody will hear of: to the script's uncaught hook, or to the log.
  void panic(Fiber& fiber, int status);

  /// Registry reference of the class of handles; LUA_NOREF until the first spawn.
  int handle_class = -2;

  // -- coroutines inside fibers (coroutine.cpp)
  static constexpr int kDeepestCoroutine = 100;
  struct Nesting {
    int depth = 0;
    lua_State* blocked = nullptr;  ///< the innermost level that cannot pass a suspension on
    lua_State* resumer = nullptr;  ///< who resumed the running coroutine, and so on outwards
    const Nesting* outer = nullptr;
  };
  Nesting nesting;
  /// The suspension that is on its way out is a native one, not coroutine.yield.
  bool native_yield = false;
  /// Coroutines that a suspended fiber is inside of, each with the state that resumed it: leads
  /// from `Fiber::suspended_in` outwards to the fiber's own stack.
  std::unordered_map<lua_State*, lua_State*> busy;
  /// A fiber that goes on has arrived at `thread` again.
  void continued(const lua_State* thread) noexcept;
  /// True while a fiber that goes on is on its way inwards to where it was suspended: an error now
  /// would keep the inner coroutines from unwinding. Good for a limited number of calls, one a
  /// hook.
  [[nodiscard]] bool spares() noexcept { return spared_ > 0 && --spared_ > 0; }

  // -- cleanup handlers (scope.cpp)
  /// Registry reference of the weak table of coroutines' lists of handlers, made on first use.
  int scopes = -2;
  /// True while a fiber of a condemned invocation may run cleanup handlers all the same.
  [[nodiscard]] bool in_grace(const Fiber& fiber) noexcept;

 private:
  void resume(Fiber& fiber);
  void arrive(const Fiber& fiber) noexcept;
  /// A fiber's function has ended, with handlers in its list: lets the fiber run them. True once
  /// that is done; `status` is the function's again then.
  [[nodiscard]] bool clean_up(Fiber& fiber, int& status);
  [[nodiscard]] Result<void> start_cleanup(Fiber& fiber, bool drop_stack);
  void end(Fiber& fiber, int status);
  /// Queues who waited for a fiber's end before everybody else.
  void hand_over(Operation& joiner) noexcept;
  /// What `is` says of the error that a fiber ended with.
  [[nodiscard]] bool failed_with(Fiber& fiber, bool (*is)(lua_State* L));
  void report(Fiber& fiber, int status);
  void finish_main(Fiber& fiber, int status);
  void keep_handler(Fiber& fiber);
  [[nodiscard]] Fiber* make_record(lua_State* L, int arguments);
  void free_record(Fiber& fiber) noexcept;
  void forget_failed_coroutines() noexcept;
  /// A program ends: nobody will join the fibers that died of an error, so their errors are told.
  void tell_unjoined();
  void log(const Fiber& fiber, const Panic& panic);
  /// A fiber that ran the uncaught hook has ended: if it failed, what it was told of is logged.
  void end_uncaught_hook(Fiber& fiber);
  [[nodiscard]] bool call_uncaught_hook(Fiber& fiber, const Panic& panic);

  Vm::Impl& vm_;
  Fiber* current_ = nullptr;
  Fiber* first_ready_ = nullptr;
  Fiber* last_ready_ = nullptr;
  Fiber* all_ = nullptr;
  Timers timers_;
  std::vector<int> free_anchors_;
  int anchors_ = 0;
  Fiber* spares_ = nullptr;  ///< ended fibers whose coroutine can be used again, by next_ready
  std::uint32_t spare_count_ = 0;
  std::uint32_t failed_count_ = 0;  ///< coroutines that an error has passed, in which fiber
  std::uint32_t failed_fiber_ = 0;
  std::uint32_t size_ = 0;  ///< fibers that have not ended
  std::uint32_t invocations_ = 0;
  std::uint32_t last_id_ = 0;
  /// Below the first boundary at which LuaJIT divides the address space (39 bits).
  static constexpr std::uintptr_t kMostTokens = (std::uintptr_t{1} << 38U) - 1;
  std::uintptr_t last_token_ = 0;
  std::uint32_t spared_ = 0;
  bool dropping_ = false;
};

}  // namespace perilune::runtime
