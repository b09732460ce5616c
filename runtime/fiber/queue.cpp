#include "runtime/fiber/queue.hpp"

#include <algorithm>
#include <array>
#include <lua.hpp>
#include <memory>

#include "runtime/fiber/queue_state.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/fiber/time_arguments.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

extern const LuaClass kQueue;

QueueState& check_queue(lua_State* L) { return check_object<QueueState>(L, 1, kQueue); }

/// Puts the value at `value` in if there is room. Who waits for room comes first: while somebody
/// does there is none.
bool push_now(lua_State* L, QueueState& queue, int value) {
  if (queue.closed()) raise_queue_closed(L);
  if (queue.full()) return false;
  queue.push(L, 1, value);
  return true;
}

int l_push(lua_State* L) {
  constexpr const char* kName = "queue:push";
  QueueState& queue = check_queue(L);
  check_may_suspend(L, kName);
  luaL_checkany(L, 2);
  if (push_now(L, queue, 2)) return 0;
  return suspend(L, std::make_unique<PushWait>(L, queue, 2, kName));
}

int l_try_push(lua_State* L) {
  QueueState& queue = check_queue(L);
  luaL_checkany(L, 2);
  lua_pushboolean(L, static_cast<int>(push_now(L, queue, 2)));
  return 1;
}

int l_push_for(lua_State* L) {
  constexpr const char* kName = "queue:push_for";
  QueueState& queue = check_queue(L);
  check_may_suspend(L, kName);
  const auto deadline = deadline_after(L, 2);
  luaL_checkany(L, 3);
  const bool done = push_now(L, queue, 3);
  if (done || lua_tonumber(L, 2) == 0) {
    lua_pushboolean(L, static_cast<int>(done));
    return 1;
  }
  check_timer_quota(L);
  auto wait = std::make_unique<PushWait>(L, queue, 3, kName);
  wait->until(L, deadline);
  return suspend(L, std::move(wait));
}

int pop(lua_State* L, const char* name, PopResult result) {
  QueueState& queue = check_queue(L);
  check_may_suspend(L, name);
  const int results = pop_now(L, queue, 1, result);
  if (results >= 0) return results;
  return suspend(L, std::make_unique<PopWait>(L, queue, 1, name, result));
}

int l_pop(lua_State* L) { return pop(L, "queue:pop", PopResult::Value); }
int l_next(lua_State* L) { return pop(L, "queue:items", PopResult::Item); }

int l_try_pop(lua_State* L) {
  const int results = pop_now(L, check_queue(L), 1, PopResult::Found);
  if (results >= 0) return results;
  lua_pushboolean(L, 0);
  return 1;
}

int l_pop_for(lua_State* L) {
  constexpr const char* kName = "queue:pop_for";
  QueueState& queue = check_queue(L);
  check_may_suspend(L, kName);
  const auto deadline = deadline_after(L, 2);
  const int results = pop_now(L, queue, 1, PopResult::Found);
  if (results >= 0) return results;
  if (lua_tonumber(L, 2) == 0) {
    lua_pushboolean(L, 0);
    return 1;
  }
  check_timer_quota(L);
  auto wait = std::make_unique<PopWait>(L, queue, 1, kName, PopResult::Found);
  wait->until(L, deadline);
  return suspend(L, std::move(wait));
}

int l_items(lua_State* L) {
  check_queue(L);
  push_suspending(L, l_next, 0);
  lua_pushvalue(L, 1);
  return 2;
}

int l_close(lua_State* L) {
  check_queue(L).close();
  return 0;
}

int l_new(lua_State* L) {
  const std::uint64_t capacity = check_count(L, 1, 1, QueueState::kMaxCapacity);
  constexpr std::uint64_t kAtFirst = 16;
  push_object<QueueState>(L, kQueue, static_cast<std::uint32_t>(capacity), next_object_number(L));
  lua_createtable(L, static_cast<int>(std::min(capacity, kAtFirst)), 0);
  lua_setfenv(L, -2);
  return 1;
}

int l_len(lua_State* L) {
  lua_pushnumber(L, check_queue(L).available());
  return 1;
}

int l_tostring(lua_State* L) { return push_object_label(L, "queue", check_queue(L).number()); }

enum Property : int { kCapacity, kClosed };

int get(lua_State* L, int id) {
  const QueueState& queue = check_queue(L);
  if (id == kCapacity) {
    lua_pushnumber(L, queue.capacity());
  } else {
    lua_pushboolean(L, static_cast<int>(queue.closed()));
  }
  return 1;
}
void set(lua_State*, int) {}

constexpr std::array<LuaFunction, 1> kFunctions{{
    {"new", l_new, false, "queue.new(capacity) -> queue",
     "An empty queue of at most `capacity` values. EINVAL if that is not a whole number from 1 to "
     "1000000000. (Places take memory only as they are used.)"},
}};
constexpr std::array<LuaFunction, 8> kMethods{{
    {"push", l_push, true, "q:push(v)",
     "Puts `v` last; waits while the queue is full. `channel_closed` if it is closed, also while "
     "it "
     "waits. Interruption point; then `v` was not put in."},
    {"try_push", l_try_push, false, "q:try_push(v) -> boolean",
     "Puts `v` last unless the queue is full; says whether it did. `channel_closed` if it is "
     "closed."},
    {"push_for", l_push_for, true, "q:push_for(seconds, v) -> boolean",
     "Like `push`, but gives up after that time and returns false. 0 is `try_push`; EDOM for a "
     "time that is negative, infinite or not a number."},
    {"pop", l_pop, true, "q:pop() -> v",
     "Takes the oldest value; waits while there is none. `channel_closed` if the queue is closed "
     "and empty. Interruption point; then nothing was taken."},
    {"try_pop", l_try_pop, false, "q:try_pop() -> boolean [, v]",
     "true and the oldest value, or false if there is none. `channel_closed` if the queue is "
     "closed "
     "and empty."},
    {"pop_for", l_pop_for, true, "q:pop_for(seconds) -> boolean [, v]",
     "Like `pop`, but gives up after that time and returns false. 0 is `try_pop`; EDOM for a time "
     "that is negative, infinite or not a number."},
    {"items", l_items, false, "for v in q:items() do … end",
     "Takes values until the queue is closed and empty; the loop waits while there is none. A nil "
     "ends the loop too: take values that may be nil with `pop`."},
    {"close", l_close, false, "q:close()",
     "Nothing can be put in any more; what is in it can still be taken. Fibers that wait get "
     "`channel_closed`. Closing again does nothing."},
}};
constexpr std::array<LuaProperty, 2> kProperties{
    {{"capacity", kCapacity, "number: how many values it holds"},
     {"closed", kClosed, "boolean: `close` was called"}}};
constexpr std::array<luaL_Reg, 2> kMeta{{{"__len", l_len}, {"__tostring", l_tostring}}};
const LuaClass kQueue{
    .name = "perilune.queue",
    .shown = "queue",
    .methods = kMethods,
    .readable = kProperties,
    .writable = {},
    .index = lua_index<get>,
    .newindex = lua_newindex<set>,
    .collect = nullptr,
    .meta = kMeta,
    .help =
        "Any value, also nil and false; nothing is copied. `#q` is how many values are there "
        "that no fiber has been woken for.\n\n"
        "**Fairness.** Values are taken in the order in which they were put in. Fibers that "
        "wait for a value are woken in the order in which they asked, and each is sure of one; "
        "fibers that wait for room likewise, and nobody overtakes them. Whoever wakes another "
        "fiber runs on. A value for a fiber that a limit ended before it ran goes to the next "
        "one, or stays."};
constexpr std::array kClasses{&kQueue};

}  // namespace

const ModuleReference kQueueReference{
    .name = "queue",
    .summary =
        "A bounded queue of values between the fibers of one VM: whoever produces faster than "
        "others consume waits.\n\n"
        "```lua\n"
        "local jobs = require('queue').new(16)\n"
        "spawn(function()\n"
        "  for job in jobs:items() do work(job) end\n"
        "end):detach()\n"
        "for i = 1, 100 do jobs:push(i) end\n"
        "jobs:close()\n"
        "```",
    .functions = kFunctions,
    .classes = kClasses,
};

int open_queue(lua_State* L) {
  lua_createtable(L, 0, 1);
  set_functions(L, kFunctions);
  return 1;
}

}  // namespace perilune::runtime
