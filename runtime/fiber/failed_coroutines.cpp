// Which coroutines an error came through before it ended its fiber. A weak table in the registry:
// an error that was caught keeps nothing alive.
#include <algorithm>
#include <lua.hpp>

#include "runtime/fiber/scheduler.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

constexpr std::uint32_t kMostFailed = 8;
const char kFailedKey = 0;

/// Pushes the table: the innermost coroutine at 1, the error at 0.
void push_table(lua_State* L) {
  lua_pushlightuserdata(L, const_cast<char*>(&kFailedKey));
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (!lua_isnil(L, -1)) return;
  lua_pop(L, 1);
  lua_createtable(L, 2, 0);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_pushlightuserdata(L, const_cast<char*>(&kFailedKey));
  lua_pushvalue(L, -2);
  lua_rawset(L, LUA_REGISTRYINDEX);
}

}  // namespace

void Scheduler::note_failed_coroutine(lua_State* L, lua_State* thread) {
  if (current_ == nullptr) return;
  luaL_checkstack(L, 6, "error");
  push_table(L);
  lua_xmove(thread, L, 1);
  lua_rawgeti(L, -2, 0);
  const bool same =
      failed_count_ > 0 && failed_fiber_ == current_->id && lua_rawequal(L, -1, -2) != 0;
  lua_pop(L, 1);
  lua_pushvalue(L, -1);
  lua_xmove(L, thread, 1);
  lua_rawseti(L, -2, 0);
  failed_fiber_ = current_->id;
  if (!same) failed_count_ = 0;
  if (failed_count_ < kMostFailed) {
    ++failed_count_;
    lua_pushthread(thread);
    lua_xmove(thread, L, 1);
    lua_rawseti(L, -2, static_cast<int>(failed_count_));
  }
  lua_pop(L, 1);
}

int Scheduler::push_failed_coroutines(lua_State* L, const Fiber& fiber) {
  if (failed_count_ == 0 || failed_fiber_ != fiber.id) return 0;
  luaL_checkstack(L, static_cast<int>(kMostFailed) + 4, "error");
  const int error = lua_gettop(L);
  push_table(L);
  const int table = error + 1;
  lua_rawgeti(L, table, 0);
  const bool same = lua_rawequal(L, -1, error) != 0;
  lua_pop(L, 1);
  const int count = same ? static_cast<int>(failed_count_) : 0;
  for (int i = count; i > 0; --i) lua_rawgeti(L, table, i);
  return count;
}

void Scheduler::forget_failed_coroutines() noexcept {
  failed_count_ = 0;
  lua_State* L = vm_.state;
  lua_pushlightuserdata(L, const_cast<char*>(&kFailedKey));
  lua_rawget(L, LUA_REGISTRYINDEX);
  lua_pushnil(L);
  lua_rawseti(L, -2, 0);
  lua_pop(L, 1);
}

}  // namespace perilune::runtime
