#include "runtime/fiber/cannot_suspend.hpp"

#include <lua.hpp>

#include "runtime/fiber/protected_calls.hpp"
#include "runtime/script/traceback.hpp"

namespace perilune::runtime {
namespace {

constexpr int kFrames = 200;

enum class Why { Finaliser, MessageHandler, Function, Unknown };

/// The innermost code in C that is in the way; `frame` is its frame.
Why find_reason(lua_State* of, lua_Debug& frame) {
  for (int level = 0; level < kFrames && lua_getstack(of, level, &frame) != 0; ++level) {
    if (lua_getinfo(of, "Snf", &frame) == 0) break;
    const bool handler = lua_tocfunction(of, -1) == protected_call_handle;
    lua_pop(of, 1);
    if (handler) return Why::MessageHandler;
    // The innermost is who wants to suspend. What the prelude calls (it has no debug data,
    // so that has no name) can be suspended through.
    if (*frame.what != 'C' || level == 0) continue;
    if (frame.name == nullptr || *frame.name == 0) continue;
    return Why::Function;
  }
  return Why::Unknown;
}

/// LuaJIT calls a finaliser without a trace on the stack, but stops the collector meanwhile.
bool in_finaliser(lua_State* L) { return lua_gc(L, LUA_GCISRUNNING, 0) == 0; }

}  // namespace

void raise_cannot_wait(lua_State* L, lua_State* of, const char* operation) {
  luaL_checkstack(of, 8, "cannot suspend");
  luaL_checkstack(L, 8, "cannot suspend");
  lua_Debug frame{};
  const int base = lua_gettop(L);
  Why why = find_reason(of, frame);
  if (why != Why::MessageHandler && in_finaliser(L)) why = Why::Finaliser;
  push_position(L, 0);
  if (*lua_tostring(L, -1) != '\0') lua_pushliteral(L, ": ");
  switch (why) {
    case Why::Finaliser:
      lua_pushfstring(L,
                      "cannot suspend in a finaliser (__gc): %s would have to wait, and the code "
                      "that the collector interrupted with it",
                      operation);
      break;
    case Why::MessageHandler:
      lua_pushfstring(L,
                      "cannot suspend in a message handler of xpcall: it runs before the stack "
                      "unwinds, and %s would have to wait",
                      operation);
      break;
    case Why::Function:
      lua_pushfstring(L,
                      "cannot suspend here: %s would have to wait, and the library function '%s', "
                      "which called this code, cannot",
                      operation, frame.name);
      break;
    case Why::Unknown:
      lua_pushfstring(L,
                      "cannot suspend here: %s would have to wait, and code in C, which called "
                      "this code, cannot",
                      operation);
      break;
  }
  lua_concat(L, lua_gettop(L) - base);
  lua_error(L);
  __builtin_unreachable();
}

}  // namespace perilune::runtime
