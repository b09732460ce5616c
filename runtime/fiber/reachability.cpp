#include "runtime/fiber/reachability.hpp"

#include <algorithm>
#include <cstring>
#include <lua.hpp>

#include "runtime/fiber/deadlock.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/fiber/wait_queue.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

/// Key of a metatable's edge function.
constexpr char kEdges = 0;
/// Values to expand that lie on the stack; more go into a table.
constexpr int kStackValues = 1000;
constexpr int kStackRoom = 40;
/// What the spill table may take, and so must be free.
constexpr std::size_t kSpillRoom = 8 * 1024 * 1024;

void* edges_key() noexcept { return const_cast<char*>(&kEdges); }

}  // namespace

void set_edges(lua_State* L, EdgeFunction edges) {
  lua_pushlightuserdata(L, edges_key());
  lua_pushlightuserdata(L, reinterpret_cast<void*>(edges));
  lua_rawset(L, -3);
}

SearchedWait* find_wait(std::span<SearchedWait> waits, const Fiber* fiber) noexcept {
  const auto before = [](const SearchedWait& wait, const Fiber* one) { return wait.fiber < one; };
  const auto found = std::lower_bound(waits.begin(), waits.end(), fiber, before);
  return found != waits.end() && found->fiber == fiber ? &*found : nullptr;
}

// -- addresses ------------------------------------------------------------------------------------

std::size_t PointerSet::place(const void* pointer) const noexcept {
  constexpr std::uint64_t kMix = 0x9e3779b97f4a7c15U;
  const std::size_t mask = cells_.size() - 1;
  std::size_t at = (reinterpret_cast<std::uintptr_t>(pointer) * kMix >> 20U) & mask;
  while (cells_[at] != nullptr && cells_[at] != pointer) at = (at + 1) & mask;
  return at;
}

bool PointerSet::insert(const void* pointer) {
  if (2 * (size_ + 1) > cells_.size()) {
    std::vector<const void*> before(std::max<std::size_t>(1024, 2 * cells_.size()));
    before.swap(cells_);
    for (const void* one : before) {
      if (one != nullptr) cells_[place(one)] = one;
    }
  }
  const std::size_t at = place(pointer);
  if (cells_[at] != nullptr) return false;
  cells_[at] = pointer;
  ++size_;
  return true;
}

// -- what is within reach -------------------------------------------------------------------------

ReachedSet::ReachedSet(lua_State* L, std::span<SearchedWait> waits, std::size_t budget)
    : state_{L},
      scheduler_{Scheduler::of(L)},
      waits_{waits},
      left_{budget},
      missing_{0},
      base_{lua_gettop(L)},
      collecting_{lua_gc(L, LUA_GCISRUNNING, 0) != 0} {
  luaL_checkstack(L, kStackValues + kStackRoom, "search");
  lua_pushnil(L);  // the spill table's place
  for (SearchedWait& wait : waits_) {
    if (wait.live) {
      pending_.push_back(wait.fiber);
      continue;
    }
    ++missing_;
    if (wait.object != nullptr) objects_.emplace_back(wait.object, &wait);
    // What only the fiber itself has: its coroutine (others have it in stale slots of their stacks
    // at best), this_fiber.local_ and cleanup handlers.
    seen_.insert(wait.fiber->L);
    for (const int reference : {wait.fiber->locals, wait.fiber->cleanup}) exclude(reference);
  }
  std::sort(objects_.begin(), objects_.end());
  exclude(scheduler_.vm().threads);
  exclude(scheduler_.scopes);  // each coroutine has its list on its stack
  if (push_anchors(L)) seen_.insert(lua_topointer(L, -1));
  lua_pop(L, 1);
  // No finaliser runs half way through a table.
  lua_gc(L, LUA_GCSTOP, 0);
}

/// A table in the registry that is no root.
void ReachedSet::exclude(int reference) {
  lua_rawgeti(state_, LUA_REGISTRYINDEX, reference);
  if (lua_istable(state_, -1)) seen_.insert(lua_topointer(state_, -1));
  lua_pop(state_, 1);
}

ReachedSet::~ReachedSet() {
  if (collecting_) lua_gc(state_, LUA_GCRESTART, 0);
}

void ReachedSet::revive(SearchedWait& wait) {
  if (wait.live || wait.doomed) return;
  wait.live = true;
  --missing_;
  pending_.push_back(wait.fiber);
}

void ReachedSet::object(const void* object) {
  const auto before = [](const auto& entry, const void* pointer) { return entry.first < pointer; };
  auto found = std::lower_bound(objects_.begin(), objects_.end(), object, before);
  for (; found != objects_.end() && found->first == object; ++found) revive(*found->second);
}

void ReachedSet::handle(Fiber* fiber) {
  if (fiber == nullptr) return;
  if (fiber->state == Fiber::State::Done) {
    pending_.push_back(fiber);  // its results
    return;
  }
  const Operation* operation = fiber->operation.get();
  if (operation == nullptr || !operation->interruptible()) return;
  if (SearchedWait* wait = find_wait(waits_, fiber)) revive(*wait);
}

void ReachedSet::add_running_fibers() {
  for (Fiber* fiber = scheduler_.first(); fiber != nullptr; fiber = fiber->next) {
    if (fiber->state != Fiber::State::Done && !fiber->waits_inside) pending_.push_back(fiber);
  }
}

void ReachedSet::add_registry() {
  lua_pushvalue(state_, LUA_REGISTRYINDEX);
  take(0);
  lua_pushliteral(state_, "");
  if (lua_getmetatable(state_, -1) != 0) take(1);
  lua_pop(state_, 1);
  lua_pushvalue(state_, LUA_GLOBALSINDEX);
  take(0);
}

void ReachedSet::add_pending_fibers() {
  lua_State* L = state_;
  while (!pending_.empty() && left_ > 0) {
    const Fiber& fiber = *pending_.back();
    pending_.pop_back();
    lua_rawgeti(L, LUA_REGISTRYINDEX, scheduler_.vm().threads);
    lua_rawgeti(L, -1, fiber.anchor);
    lua_remove(L, -2);
    if (fiber.state == Fiber::State::Done) {
      take(0);
      continue;
    }
    keep(0);
    for (const int reference : {fiber.locals, fiber.cleanup}) {
      lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
      if (lua_istable(L, -1))
        keep(0);
      else
        lua_pop(L, 1);
    }
  }
}

void ReachedSet::keep(int over) {
  if (lua_gettop(state_) > base_ + kStackValues)
    spill();
  else
    lua_insert(state_, -1 - over);
}

void ReachedSet::take(int over) {
  lua_State* L = state_;
  if (left_ > 0) --left_;
  const int type = lua_type(L, -1);
  const bool leads_on =
      type == LUA_TTABLE || type == LUA_TFUNCTION || type == LUA_TUSERDATA || type == LUA_TTHREAD;
  if (!leads_on || left_ == 0 || !seen_.insert(lua_topointer(L, -1)))
    lua_pop(L, 1);
  else
    keep(over);
}

/// Pops the value on top and remembers it for later.
void ReachedSet::spill() {
  lua_State* L = state_;
  if (lua_isnil(L, base_ + 1)) {
    const Heap& heap = scheduler_.vm().heap;
    if (heap.used() + kSpillRoom > heap.limit()) {
      left_ = 0;
      lua_pop(L, 1);
      return;
    }
    lua_newtable(L);
    lua_replace(L, base_ + 1);
  }
  lua_rawseti(L, base_ + 1, ++spilled_);
}

/// A value to expand is on top.
bool ReachedSet::has_next() {
  lua_State* L = state_;
  if (lua_gettop(L) > base_ + 1) return true;
  if (spilled_ == 0) return false;
  lua_rawgeti(L, base_ + 1, spilled_);
  lua_pushnil(L);
  lua_rawseti(L, base_ + 1, spilled_--);
  return true;
}

bool ReachedSet::follow() {
  add_pending_fibers();
  while (left_ > 0 && missing_ > 0 && has_next()) {
    const int index = lua_gettop(state_);
    expand(index);
    lua_replace(state_, index);  // by the last one of what it leads to
    add_pending_fibers();
  }
  return left_ > 0 || missing_ == 0;
}

void ReachedSet::expand(int index) {
  switch (lua_type(state_, index)) {
    case LUA_TTABLE: return expand_table(index);
    case LUA_TFUNCTION: return expand_function(index);
    case LUA_TUSERDATA: return expand_userdata(index);
    case LUA_TTHREAD: return expand_thread(index);
    default: return;
  }
}

void ReachedSet::expand_table(int index) {
  lua_State* L = state_;
  if (lua_getmetatable(L, index) != 0) take(0);
  lua_pushnil(L);
  while (left_ > 0 && lua_next(L, index) != 0) {
    lua_pushvalue(L, -2);
    take(2);
    take(1);
  }
  if (left_ == 0) lua_settop(L, index);
}

void ReachedSet::expand_function(int index) {
  lua_State* L = state_;
  lua_getfenv(L, index);
  take(0);
  for (int i = 1; lua_getupvalue(L, index, i) != nullptr; ++i) take(0);
}

void ReachedSet::expand_userdata(int index) {
  lua_State* L = state_;
  object(lua_topointer(L, index));
  if (lua_getmetatable(L, index) != 0) {
    lua_pushlightuserdata(L, edges_key());
    lua_rawget(L, -2);
    void* edges = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (edges != nullptr) reinterpret_cast<EdgeFunction>(edges)(lua_touserdata(L, index), *this);
    take(0);
  }
  lua_getfenv(L, index);
  take(0);
}

void ReachedSet::take_from(lua_State* thread) {
  lua_xmove(thread, state_, 1);
  take(0);
}

void ReachedSet::expand_thread(int index) {
  lua_State* thread = lua_tothread(state_, index);
  if (thread == state_) return;
  lua_getfenv(state_, index);
  take(0);
  const int top = lua_gettop(thread);
  for (int i = 1; i <= top && left_ > 0; ++i) {
    lua_pushvalue(thread, i);
    take_from(thread);
  }
  expand_frames(thread);
}

/// Functions, locals, temporaries and further arguments of all calls.
void ReachedSet::expand_frames(lua_State* thread) {
  lua_Debug frame{};
  for (int level = 0; left_ > 0 && lua_getstack(thread, level, &frame) != 0; ++level) {
    if (lua_getinfo(thread, "f", &frame) != 0) take_from(thread);
    for (int i = 1; lua_getlocal(thread, &frame, i) != nullptr; ++i) take_from(thread);
    for (int i = -1; lua_getlocal(thread, &frame, i) != nullptr; --i) take_from(thread);
  }
}

}  // namespace perilune::runtime
