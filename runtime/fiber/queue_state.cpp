#include "runtime/fiber/queue_state.hpp"

#include <lua.hpp>

#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

/// Stands for nil in the ring: a place that is in use is never empty, so that writing to it again
/// allocates nothing.
constexpr char kNil = 0;

void push_stored(lua_State* L, int value) {
  if (lua_isnil(L, value)) {
    lua_pushlightuserdata(L, const_cast<char*>(&kNil));
  } else {
    lua_pushvalue(L, value);
  }
}

}  // namespace

void raise_queue_closed(lua_State* L) {
  raise_core(L, CoreError::ChannelClosed, "The queue is closed");
}

std::string QueueState::describe() const {
  return object_label("queue", number_) + ", " + std::to_string(size_) + " of " +
         std::to_string(capacity_) + " values";
}

void QueueState::push(lua_State* L, int queue, int value) {
  luaL_checkstack(L, 3, "queue");
  const std::uint64_t place = (std::uint64_t{head_} + size_) % capacity_;
  lua_getfenv(L, queue);
  push_stored(L, value);
  lua_rawseti(L, -2, static_cast<int>(place) + 1);
  lua_pop(L, 1);
  ++size_;
  serve();
}

void QueueState::pop(lua_State* L, int queue) {
  const int place = static_cast<int>(head_) + 1;
  lua_getfenv(L, queue);
  lua_rawgeti(L, -1, place);
  if (lua_touserdata(L, -1) == &kNil) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  // The oldest place of a full ring is also where the next value goes.
  auto* pusher = pushers_.front<PushWait>();
  if (pusher != nullptr) {
    pusher->value_.push(L);
    push_stored(L, -1);
    lua_replace(L, -2);
  } else {
    lua_pushnil(L);
    --size_;
  }
  lua_rawseti(L, -3, place);
  lua_remove(L, -2);
  head_ = head_ + 1 == capacity_ ? 0 : head_ + 1;
  if (pusher == nullptr) return;
  pusher->taken_ = true;
  pusher->wake();
  serve();
}

void QueueState::serve() noexcept {
  while (available() > 0) {
    auto* popper = poppers_.front<PopWait>();
    if (popper == nullptr) return;
    ++reserved_;
    popper->reserved_ = true;
    popper->wake();
  }
}

void QueueState::close() noexcept {
  closed_ = true;
  while (auto* popper = poppers_.front<PopWait>()) popper->wake();
  while (auto* pusher = pushers_.front<PushWait>()) pusher->wake();
}

PushWait::PushWait(lua_State* L, QueueState& queue, int index, const char* name)
    : queue_{&queue}, value_{L, index}, name_{name} {
  enter(queue.pushers_);
}

void PushWait::wake() noexcept {
  leave();
  complete();
}

int PushWait::finish(lua_State* L) {
  if (!taken_ && !timed_out()) raise_queue_closed(L);
  if (internal()) return 0;
  lua_pushboolean(L, static_cast<int>(taken_));
  return 1;
}

PopWait::PopWait(lua_State* L, QueueState& queue, int index, const char* name, PopResult result)
    : queue_{&queue}, userdata_{L, index}, name_{name}, result_{result} {
  enter(queue.poppers_);
}

PopWait::~PopWait() {
  if (!reserved_ || dropping()) return;
  // Its fiber died before it could take the value.
  --queue_->reserved_;
  queue_->serve();
}

void PopWait::wake() noexcept {
  leave();
  complete();
}

int PopWait::finish(lua_State* L) {
  luaL_checkstack(L, 6, "queue");
  if (timed_out()) {
    lua_pushboolean(L, 0);
    return 1;
  }
  userdata_.push(L);
  if (reserved_) {
    reserved_ = false;
    --queue_->reserved_;
    // It is there: whoever took one in between left it.
    if (result_ == PopResult::Found) lua_pushboolean(L, 1);
    queue_->pop(L, 1);
    return result_ == PopResult::Found ? 2 : 1;
  }
  if (result_ == PopResult::Item) return 0;
  raise_queue_closed(L);
}

int pop_now(lua_State* L, QueueState& queue, int index, PopResult result) {
  const bool found = result == PopResult::Found;
  if (queue.available() > 0) {
    luaL_checkstack(L, 6, "queue");
    if (found) lua_pushboolean(L, 1);
    queue.pop(L, index);
    return found ? 2 : 1;
  }
  if (!queue.closed()) return -1;
  if (result == PopResult::Item) return 0;
  raise_queue_closed(L);
}

}  // namespace perilune::runtime
