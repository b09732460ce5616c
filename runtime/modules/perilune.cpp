#include "runtime/modules/perilune.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <lua.hpp>
#include <string_view>

#include "runtime/script/errors.hpp"
#include "runtime/script/library.hpp"
#include "runtime/vm/invocation.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

constexpr std::size_t kMaxDeferred = 64;

void set_text(lua_State* L, const char* key, std::string_view text) {
  if (text.empty()) return;
  lua_pushlstring(L, text.data(), text.size());
  lua_setfield(L, -2, key);
}

/// `key = {used = …, limit = …, unit = …}`; a limit of 0 is none.
void set_usage(lua_State* L, const char* key, double used, double limit, const char* unit) {
  lua_createtable(L, 0, 3);
  lua_pushnumber(L, used);
  lua_setfield(L, -2, "used");
  if (limit > 0) {
    lua_pushnumber(L, limit);
    lua_setfield(L, -2, "limit");
  }
  lua_pushstring(L, unit);
  lua_setfield(L, -2, "unit");
  lua_setfield(L, -2, key);
}

double milliseconds(std::chrono::nanoseconds time) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

/// The start-up and the background are no requests.
bool is_request(const Invocation* invocation) {
  return invocation != nullptr && invocation->config().work == Invocation::Work::Request;
}

int l_limits(lua_State* L) {
  Vm& vm = Vm::of(L);
  const VmUsage usage = vm.usage();
  const Limits& limits = vm.config().limits;
  const auto limit = [&limits](Limit which) { return static_cast<double>(limits.raw(which)); };
  lua_createtable(L, 0, 8);
  set_usage(L, "memory", static_cast<double>(usage.memory), static_cast<double>(usage.memory_limit),
            "bytes");
  set_usage(L, "fibers", usage.fibers, limit(Limit::Fibers), "count");
  set_usage(L, "timers", usage.timers, limit(Limit::Timers), "count");
  set_usage(L, "invocations", usage.invocations, limit(Limit::Concurrency), "count");
  if (const Invocation* invocation = vm.current_invocation()) {
    const auto& config = invocation->config();
    set_usage(L, "cpu", milliseconds(invocation->cpu()), milliseconds(config.cpu_soft), "ms");
    set_usage(L, "log", static_cast<double>(invocation->logged()), limit(Limit::LogInvocation),
              "bytes");
    set_usage(L, "invocation_fibers", invocation->fibers(), limit(Limit::Fibers), "count");
  }
  return 1;
}

int l_request(lua_State* L) {
  Vm& vm = Vm::of(L);
  const Invocation* invocation = vm.current_invocation();
  if (!is_request(invocation)) {
    lua_pushnil(L);
    return 1;
  }
  const auto& config = invocation->config();
  const AppIdentity& app = vm.slot<AppIdentity>();
  std::array<char, 40> id{};
  (void)std::snprintf(id.data(), id.size(), "%016llx%016llx",
                      static_cast<unsigned long long>(config.id_high),
                      static_cast<unsigned long long>(config.id_low));
  lua_createtable(L, 0, 6);
  set_text(L, "id", id.data());
  set_text(L, "client", config.client);
  set_text(L, "tenant", app.tenant);
  set_text(L, "app", app.app);
  set_text(L, "version", app.version);
  if (config.deadline != std::chrono::steady_clock::time_point::max()) {
    const auto left = config.deadline - std::chrono::steady_clock::now();
    lua_pushnumber(L, std::max(0.0, milliseconds(left)));
    lua_setfield(L, -2, "deadline_ms");
  }
  return 1;
}

int l_defer(lua_State* L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  Vm& vm = Vm::of(L);
  const Invocation* invocation = vm.current_invocation();
  if (!is_request(invocation)) {
    raise_code(L, kGenericCategory, EPERM, "perilune.defer: no request is being handled");
  }
  auto& functions = vm.slot<Deferred>().functions[invocation];
  if (functions.size() >= kMaxDeferred) {
    raise_code(L, kGenericCategory, ENOBUFS, "perilune.defer: 64 functions are waiting already");
  }
  lua_pushvalue(L, 1);
  functions.push_back(luaL_ref(L, LUA_REGISTRYINDEX));
  return 0;
}

}  // namespace

bool push_deferred(Vm& vm, lua_State* L, const Invocation* invocation) {
  auto& all = vm.slot<Deferred>().functions;
  const auto found = all.find(invocation);
  if (found == all.end()) return false;
  const std::vector<int> references = std::move(found->second);
  all.erase(found);
  lua_createtable(L, static_cast<int>(references.size()), 0);
  int index = 0;
  for (auto it = references.rbegin(); it != references.rend(); ++it) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, *it);
    lua_rawseti(L, -2, ++index);
    luaL_unref(L, LUA_REGISTRYINDEX, *it);
  }
  call_prelude(L, "deferred", 1, 1);
  return true;
}

int open_perilune(lua_State* L) {
  constexpr std::array<luaL_Reg, 4> kFunctions{
      {{"limits", l_limits}, {"request", l_request}, {"defer", l_defer}, {nullptr, nullptr}}};
  lua_createtable(L, 0, 4);
  luaL_register(L, nullptr, kFunctions.data());
  const AppIdentity& app = Vm::of(L).slot<AppIdentity>();
  lua_createtable(L, 0, static_cast<int>(app.env.size()));
  for (const auto& [key, value] : app.env) {
    lua_pushlstring(L, key.data(), key.size());
    lua_pushlstring(L, value.data(), value.size());
    lua_rawset(L, -3);
  }
  lua_setfield(L, -2, "env");
  return 1;
}

}  // namespace perilune::runtime
