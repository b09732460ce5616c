#include "runtime/fiber/wait_queue.hpp"

#include <cstdio>
#include <lua.hpp>

#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/invocation.hpp"

namespace perilune::runtime {

void WaitQueue::push_back(Waiter& waiter) noexcept {
  waiter.previous_ = last_;
  waiter.next_ = nullptr;
  (last_ != nullptr ? last_->next_ : first_) = &waiter;
  last_ = &waiter;
}

void WaitQueue::remove(Waiter& waiter) noexcept {
  (waiter.previous_ != nullptr ? waiter.previous_->next_ : first_) = waiter.next_;
  (waiter.next_ != nullptr ? waiter.next_->previous_ : last_) = waiter.previous_;
}

void Waiter::cancel() noexcept {
  leave();
  complete_cancelled();
}

void Waiter::until(lua_State* L, Timers::Clock::time_point deadline) {
  Scheduler::of(L).timers().add(*this, deadline);
  timed_ = true;
}

void Waiter::time_out() noexcept {
  leave();
  timed_out_ = true;
  complete();
}

void Waiter::expire() noexcept {
  if (!completed()) time_out();
}

bool Waiter::condemned() const noexcept {
  const Invocation* invocation = fiber()->invocation;
  return invocation != nullptr && invocation->verdict() != Outcome::Ok;
}

bool Waiter::dropping() const noexcept {
  return fiber() == nullptr || fiber()->scheduler->dropping();
}

namespace {

constexpr char kAnchors = 0;

}  // namespace

bool push_anchors(lua_State* L) {
  lua_pushlightuserdata(L, const_cast<char*>(&kAnchors));
  lua_rawget(L, LUA_REGISTRYINDEX);
  return !lua_isnil(L, -1);
}

Anchor::Anchor(lua_State* L, int index) : main_{Vm::of(L).main_state()} {
  lua_pushvalue(L, index);
  if (!push_anchors(L)) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushlightuserdata(L, const_cast<char*>(&kAnchors));
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
  }
  lua_insert(L, -2);
  reference_ = luaL_ref(L, -2);
  lua_pop(L, 1);
}

Anchor::~Anchor() {
  // A VM that goes takes its registry with it.
  if (Scheduler::of(main_).dropping()) return;
  push_anchors(main_);
  luaL_unref(main_, -1, reference_);
  lua_pop(main_, 1);
}

void Anchor::push(lua_State* L) const {
  push_anchors(L);
  lua_rawgeti(L, -1, reference_);
  lua_replace(L, -2);
}

namespace {

struct ObjectNumbers {
  explicit ObjectNumbers(Vm&) noexcept {}
  std::uint32_t last = 0;
};

}  // namespace

std::uint32_t next_object_number(lua_State* L) { return ++Vm::of(L).slot<ObjectNumbers>().last; }

std::string object_label(const char* what, std::uint32_t number) {
  char text[64];
  std::snprintf(text, sizeof text, "%s 0x%x", what, number);
  return text;
}

int push_object_label(lua_State* L, const char* what, std::uint32_t number) {
  char text[64];
  std::snprintf(text, sizeof text, "%s 0x%x", what, number);
  lua_pushstring(L, text);
  return 1;
}

std::uint64_t check_count(lua_State* L, int index, std::uint64_t minimum, std::uint64_t maximum) {
  const lua_Number number = luaL_checknumber(L, index);
  const bool in_range =
      number >= static_cast<lua_Number>(minimum) && number <= static_cast<lua_Number>(maximum);
  if (!in_range) raise_bad_argument(L, index);
  const auto count = static_cast<std::uint64_t>(number);
  if (static_cast<lua_Number>(count) != number) raise_bad_argument(L, index);
  return count;
}

}  // namespace perilune::runtime
