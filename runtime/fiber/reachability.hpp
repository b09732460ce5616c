#pragma once

/// @file
/// Which waits can still be ended: a search through what Lua code can reach, with the public C API.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "runtime/script/lua_class.hpp"

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

class Fiber;
class Scheduler;

/// A fiber that waits for others.
struct SearchedWait {
  Fiber* fiber = nullptr;
  const void* object =
      nullptr;           ///< what has to be reached; nullptr: only the fiber's handle counts
  bool live = false;     ///< found: somebody who runs may end it
  bool doomed = false;   ///< in a cycle that reaching the object does not break
  bool end = false;      ///< it has to be ended for the others to go on
  std::size_t walk = 0;  ///< the detector's: who came by
};

/// The fiber's, or nullptr; `waits` is sorted by the fiber's address.
[[nodiscard]] SearchedWait* find_wait(std::span<SearchedWait> waits, const Fiber* fiber) noexcept;

/// Addresses.
class PointerSet {
 public:
  /// False if it was there.
  bool insert(const void* pointer);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  [[nodiscard]] std::size_t place(const void* pointer) const noexcept;
  std::vector<const void*> cells_;
  std::size_t size_ = 0;
};

/// What was found so far. Classes whose objects lead to others, of which Lua does not know, tell it
/// by `LuaClass::edges`.
///
/// Weak references count: as long as a fiber waits, its stack keeps the object, and whoever has a
/// weak reference can use it. What C++ keeps for the VM in the registry is within reach.
class ReachedSet {
 public:
  /// `waits` are the fibers that do not run unless found, sorted by address. `L`: on which
  /// everything is pushed; must not be a fiber's.
  ReachedSet(lua_State* L, std::span<SearchedWait> waits, std::size_t budget);
  ~ReachedSet();
  ReachedSet(const ReachedSet&) = delete;
  ReachedSet& operator=(const ReachedSet&) = delete;

  // -- for `LuaClass::edges`: no Lua calls, no errors ------------------------------------------
  /// Whoever has the asked object can end what waits for `object`.
  void object(const void* object);
  /// It can interrupt this fiber, or join it (nullptr: none).
  void handle(Fiber* fiber);

  // -- the search; may raise `not enough memory` -----------------------------------------------
  /// The stack of every fiber that runs, or will by itself.
  void add_running_fibers();
  /// Globals, loaded modules, the registry.
  void add_registry();
  /// Follows everything. False if the budget is used up: nothing is known then.
  [[nodiscard]] bool follow();
  /// All waits are live already.
  [[nodiscard]] bool all_live() const noexcept { return missing_ == 0; }
  /// `wait` can be ended.
  void revive(SearchedWait& wait);

 private:
  void exclude(int reference);
  void expand(int index);
  void expand_table(int index);
  void expand_function(int index);
  void expand_userdata(int index);
  void expand_thread(int index);
  void expand_frames(lua_State* thread);
  /// Pops the value on top; if it leads anywhere, it is kept beneath the `over` values below it.
  void take(int over);
  void keep(int over);
  void take_from(lua_State* thread);
  void spill();
  void add_pending_fibers();
  [[nodiscard]] bool has_next();

  lua_State* state_;
  Scheduler& scheduler_;
  std::span<SearchedWait> waits_;
  std::size_t left_;     ///< of the budget
  std::size_t missing_;  ///< waits that are not live
  PointerSet seen_;
  std::vector<std::pair<const void*, SearchedWait*>> objects_;  ///< sorted
  std::vector<Fiber*> pending_;                                 ///< their stacks are within reach
  int base_;         ///< above it: the spill table, then values to expand
  int spilled_ = 0;  ///< values that the stack should not hold: in the spill table
  bool collecting_;  ///< the collector was on
};

}  // namespace perilune::runtime
