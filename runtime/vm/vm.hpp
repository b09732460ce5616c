#pragma once

/// @file
/// One Lua universe: a lua_State with its arena, its C stack, its fibers and its budgets.
///
/// A VM runs on a guarded C stack (Boost.Context, 16 MiB virtual, committed lazily; idle VMs have
/// none), so a thread-CPU timer can take the thread away from *anything* that Lua code does:
/// `run()` then returns `Ready` and the next `run()` goes on where it was. Not thread-safe: one
/// thread at a time.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/limits.hpp"
#include "runtime/outcome.hpp"

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

class Invocation;
class Scheduler;
class Fiber;
struct Panic;

/// What a script sees: the engine's whole language, or the hosted subset (lua-api.md, "Inside the
/// sandbox").
enum class Profile : std::uint8_t { Engine, Hosted };

enum class LogSeverity : std::uint8_t { Debug, Info, Warn, Error };

struct LogLine {
  LogSeverity severity = LogSeverity::Info;
  std::string_view message;
  std::string_view source;  ///< "file:line" or empty
  std::string_view fields;  ///< JSON object text or empty
  std::uint32_t fiber = 0;
  const Invocation* invocation = nullptr;
  const Panic* panic = nullptr;  ///< the parts of `message`, if it tells of a fiber's death
};

/// What the VM needs of its surroundings. Outlives the VM. Called on the VM's thread, possibly on
/// its C stack: must not throw into Lua and must not suspend.
class VmHost {
 public:
  virtual ~VmHost() = default;
  virtual void log(const LogLine& line) = 0;
  /// The text of a file: in the app's bundle (hosted) or of the file system (engine).
  /// `path` is normalised by the module loader: relative to the bundle's root, or absolute in the
  /// engine.
  [[nodiscard]] virtual std::optional<std::string> read_source(const std::string& path) = 0;
  /// A fiber of the VM became ready from outside `run()`: the loop should call `run()` again.
  virtual void wake() {}
  /// Somebody outside may start fibers of the VM (a request for its handler), or runs code in it
  /// later: then nothing that its modules can reach is waited for in vain.
  [[nodiscard]] virtual bool may_start_fibers() { return false; }
};

struct VmConfig {
  Profile profile = Profile::Hosted;
  Limits limits;
  bool jit = false;
  std::uint64_t seed_low = 1;
  std::uint64_t seed_high = 2;
};

/// A Lua module in C++ that `require` finds by name. `open` pushes the module's table (or
/// userdata).
struct NativeModule {
  const char* name;
  int (*open)(lua_State* L);
};

struct VmUsage {
  std::size_t memory = 0;  ///< bytes charged: Lua's and what the runtime holds for the VM
  std::size_t memory_limit = 0;
  std::uint32_t fibers = 0;
  std::uint32_t timers = 0;
  std::uint32_t invocations = 0;
};

/// A number in the registry of things that modules keep per VM (`Vm::slot`).
using SlotKey = const void*;

class Vm {
 public:
  enum class RunState : std::uint8_t {
    Idle,   ///< no fiber is ready; wait for I/O or `next_timer()`
    Ready,  ///< the slice is over, there is more to run
    Dead,   ///< the VM ended: see `death()`
  };

  /// `host` must outlive the VM. Fails with `memory_limit` (the limit is too small for the
  /// libraries) or `system_error` (no address space for arena or stack).
  [[nodiscard]] static Result<std::unique_ptr<Vm>> create(const VmConfig& config, VmHost& host,
                                                          std::span<const NativeModule> modules);
  ~Vm();
  Vm(const Vm&) = delete;
  Vm& operator=(const Vm&) = delete;

  /// The VM that `L` belongs to. Cheap.
  [[nodiscard]] static Vm& of(lua_State* L) noexcept;

  // -- the loop's side --------------------------------------------------------------------------

  /// Compiles `source` (text only) as module `path` and queues it as the main fiber, under
  /// `invocation` (start-up budget) if given. Fails with `syntax_error`: detail is "file:line:
  /// message".
  [[nodiscard]] Result<void> start(std::string_view source, const std::string& path,
                                   Invocation* invocation);

  /// Runs ready fibers until none is, the slice is over, or the VM died. Expires timers first.
  [[nodiscard]] RunState run();
  /// When `run()` has something to do although nobody woke it: a timer of the app, or the deadlock
  /// detector's (which alone is no reason to wait: see `VmUsage::timers`).
  [[nodiscard]] std::optional<std::chrono::steady_clock::time_point> next_timer() const;
  /// Asks every fiber to end (interrupt, operations cancelled). `run()` goes on until `Dead` or
  /// Idle.
  void shut_down();

  /// Why the VM died; Ok while it lives or after an orderly end. `death_message()` is for the log.
  [[nodiscard]] Outcome death() const noexcept;
  [[nodiscard]] const std::string& death_message() const noexcept;
  /// How the main fiber ended: empty while it runs; an error's text with traceback.
  [[nodiscard]] bool main_done() const noexcept;
  [[nodiscard]] const std::optional<std::string>& main_error() const noexcept;
  /// The main fiber returned a handler (function, or table with `http`): kept by the VM.
  [[nodiscard]] bool has_handler() const noexcept;

  // -- for modules ------------------------------------------------------------------------------

  [[nodiscard]] VmHost& host() noexcept;
  [[nodiscard]] const VmConfig& config() const noexcept;
  [[nodiscard]] VmUsage usage() const noexcept;
  [[nodiscard]] lua_State* main_state() noexcept;

  /// Charges memory that the runtime holds for this VM outside Lua (buffers); false if over the
  /// limit.
  [[nodiscard]] bool charge_memory(std::size_t bytes) noexcept;
  void release_memory(std::size_t bytes) noexcept;

  /// The invocation of the running fiber, or nullptr.
  [[nodiscard]] Invocation* current_invocation() noexcept;
  /// The invocation of all fibers that would have none. nullptr (the engine): they have none.
  /// Outlives the VM.
  void set_background(Invocation* invocation) noexcept;
  [[nodiscard]] Invocation* background() noexcept;
  /// From now on the running fiber belongs to `invocation` (nullptr: to the background).
  void set_current_invocation(Invocation* invocation) noexcept;
  /// Ends an invocation from outside: condemns it and interrupts its fibers. Any time, VM's thread.
  void condemn(Invocation& invocation, Outcome verdict);
  /// Spawns a fiber that calls the function on top of `L`'s stack with the `arguments` below it...
  /// as lua_call would; it runs under `invocation`. Must be called inside `protect`.
  /// `on_end(error)` runs on the VM's thread when the fiber has ended (error empty: it returned).
  Fiber& spawn(lua_State* L, int arguments, Invocation* invocation,
               std::function<void(const std::string* error)> on_end = {});
  /// Pushes the handler that the entry file returned.
  void push_handler(lua_State* L);
  /// Runs `body(L)` protected on the VM's own stack (the one lua_pcall of C++ code): allocation
  /// failures and Lua errors come back as a Failure. Not from within a fiber.
  [[nodiscard]] Result<void> protect(const std::function<void(lua_State* L)>& body);

  /// True once the invocation is over budget or condemned, or the VM closes: our own long C loops
  /// (matching, sorting) poll it and then call `raise_verdict`. Hands the thread on at the end of a
  /// slice, so other code of the VM's thread (not other fibers) may run meanwhile.
  [[nodiscard]] bool must_stop();
  /// Ends the VM here and now (`death()` is `outcome`): nothing unwinds, no cleanup handler runs.
  /// From within a fiber it does not return.
  void end(Outcome outcome, std::string message);
  [[noreturn]] void raise_verdict(lua_State* L);

  /// The native module of that name: the runtime's own or one that `create` was given; or nullptr.
  [[nodiscard]] const NativeModule* find_module(std::string_view name) const noexcept;

  /// A module's own object in this VM, made on first use from `Vm&`. Destroyed when the VM goes,
  /// after the operations and the finalisers of userdata: its destructor must not use Lua.
  template <typename T>
  [[nodiscard]] T& slot();

  /// Where the metatable of the class with that number is, for lua_class.cpp to remember.
  [[nodiscard]] const void*& class_address(std::uint32_t number);

  struct Impl;  ///< runtime/vm/vm_impl.hpp
  [[nodiscard]] Impl& impl() noexcept { return *impl_; }

 private:
  Vm();
  [[nodiscard]] void* find_slot(SlotKey key) noexcept;
  void* add_slot(SlotKey key, std::shared_ptr<void> object);

  std::unique_ptr<Impl> impl_;
};

template <typename T>
T& Vm::slot() {
  static const char key = 0;
  void* found = find_slot(&key);
  if (found == nullptr) found = add_slot(&key, std::make_shared<T>(*this));
  return *static_cast<T*>(found);
}

}  // namespace perilune::runtime
