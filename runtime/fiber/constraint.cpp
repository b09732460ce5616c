#include "runtime/fiber/constraint.hpp"

#include <cstdio>
#include <cstring>
#include <lua.hpp>
#include <new>

#include "runtime/fiber/scheduler.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/script/prelude.hpp"
#include "runtime/script/traceback.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime {
namespace {

void note_place(lua_State* L, ScriptPlace& place) noexcept {
  lua_Debug frame{};
  place = {};
  for (int level = 1; lua_getstack(L, level, &frame) != 0; ++level) {
    if (lua_getinfo(L, "Sl", &frame) == 0 || frame.currentline <= 0) continue;
    if (std::strcmp(frame.source, kPreludeChunk) == 0) continue;
    static_assert(sizeof frame.short_src <= sizeof(ScriptPlace::file));
    std::memcpy(place.file.data(), frame.short_src, sizeof frame.short_src);
    place.line = frame.currentline;
    return;
  }
}

}  // namespace

void forbid_suspension(lua_State* L, Fiber& fiber) {
  if (fiber.forbid_suspend == 0) {
    if (fiber.forbidden_at == nullptr) {
      Heap& heap = fiber.scheduler->vm().heap;
      void* memory = heap.reallocate(nullptr, 0, sizeof(ScriptPlace));
      if (memory == nullptr) luaL_error(L, "not enough memory");
      fiber.forbidden_at = ::new (memory) ScriptPlace;
    }
    note_place(L, *fiber.forbidden_at);
  }
  ++fiber.forbid_suspend;
}

void raise_suspension_forbidden(lua_State* L, const Fiber& fiber, const char* operation) {
  luaL_checkstack(L, 8, "error");
  push_position(L, 0);
  const char* at = lua_tostring(L, -1);
  if (*at == '\0') at = "?";
  const ScriptPlace* place = fiber.forbidden_at;
  const char* since = place != nullptr && place->line > 0
                          ? lua_pushfstring(L, "%s:%d", place->file.data(), place->line)
                          : "?";
  const char* text = lua_pushfstring(
      L,
      "Operation not permitted within a forbid-suspend block: %s at %s may suspend, suspension is "
      "forbidden since %s",
      operation, at, since);
  push_code(L, kCoreCategory, static_cast<int>(CoreError::ForbidSuspendBlock), text);
  const auto add = [L](const char* key, const char* value) {
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
  };
  add("operation", operation);
  add("at", at);
  add("forbidden_at", since);
  lua_error(L);
  __builtin_unreachable();
}

void raise_cannot_suspend(lua_State* L, const char* operation, const char* why) {
  luaL_checkstack(L, 4, "error");
  push_position(L, 0);
  const char* at = lua_tostring(L, -1);
  lua_pushfstring(L, "%s%scannot suspend here: %s may suspend, but %s", at, *at == '\0' ? "" : ": ",
                  operation, why);
  lua_error(L);
  __builtin_unreachable();
}

}  // namespace perilune::runtime
