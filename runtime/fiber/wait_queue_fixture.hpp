#pragma once

/// @file
/// For tests of synchronisation: module `trial`, with which a script spawns fibers in invocations
/// of their own, ends those, and looks at what fibers wait for.

#include <array>
#include <catch2/catch.hpp>
#include <lua.hpp>
#include <memory>
#include <string>

#include "runtime/vm/vm_fixture.hpp"
#include "runtime/vm/vm_impl.hpp"

namespace perilune::runtime::testing {

struct Invocations {
  explicit Invocations(Vm&) {
    for (auto& entry : all) entry = std::make_unique<Invocation>(Invocation::Config{});
  }
  std::array<std::unique_ptr<Invocation>, 16> all;

  static Invocation& at(lua_State* L, int index) {
    auto& invocations = Vm::of(L).slot<Invocations>();
    return *invocations.all.at(static_cast<std::size_t>(luaL_checkinteger(L, index)));
  }
};

inline Fiber* fiber_by_id(lua_State* L, lua_Integer id) {
  for (Fiber* fiber = Scheduler::of(L).first(); fiber != nullptr; fiber = fiber->next) {
    if (fiber->id == id && fiber->state != Fiber::State::Done) return fiber;
  }
  return nullptr;
}

/// trial.spawn(invocation, f) -> id
inline int l_trial_spawn(lua_State* L) {
  Invocation& invocation = Invocations::at(L, 1);
  lua_settop(L, 2);
  lua_pushinteger(L, Vm::of(L).spawn(L, 0, &invocation).id);
  return 1;
}

/// trial.condemn(invocation)
inline int l_trial_condemn(lua_State* L) {
  Vm::of(L).condemn(Invocations::at(L, 1), Outcome::WallLimit);
  return 0;
}

/// trial.renew(invocation): once its fibers have gone
inline int l_trial_renew(lua_State* L) {
  Invocations::at(L, 1).renew();
  return 0;
}

/// trial.alive(id) -> boolean
inline int l_trial_alive(lua_State* L) {
  lua_pushboolean(L, static_cast<int>(fiber_by_id(L, luaL_checkinteger(L, 1)) != nullptr));
  return 1;
}

/// trial.interrupt(id)
inline int l_trial_interrupt(lua_State* L) {
  if (Fiber* fiber = fiber_by_id(L, luaL_checkinteger(L, 1))) fiber->scheduler->interrupt(*fiber);
  return 0;
}

/// trial.wait_of(id, object) -> "name|resource|holder's id|internal|waits on object"
inline int l_trial_wait_of(lua_State* L) {
  const Fiber* fiber = fiber_by_id(L, luaL_checkinteger(L, 1));
  if (fiber == nullptr || fiber->operation == nullptr) return 0;
  const Operation& wait = *fiber->operation;
  std::string text = std::string{wait.name()} + "|" + wait.resource() + "|" +
                     (wait.holder() == nullptr ? "-" : std::to_string(wait.holder()->id)) + "|" +
                     (wait.internal() ? "internal" : "timed") + "|" +
                     (wait.object() == lua_topointer(L, 2) ? "it" : "other");
  lua_pushlstring(L, text.data(), text.size());
  return 1;
}

inline int open_trial(lua_State* L) {
  constexpr std::array<luaL_Reg, 6> kFunctions{{{"spawn", l_trial_spawn},
                                                {"condemn", l_trial_condemn},
                                                {"renew", l_trial_renew},
                                                {"alive", l_trial_alive},
                                                {"interrupt", l_trial_interrupt},
                                                {"wait_of", l_trial_wait_of}}};
  lua_newtable(L);
  for (const luaL_Reg& function : kFunctions) {
    lua_pushcfunction(L, function.func);
    lua_setfield(L, -2, function.name);
  }
  return 1;
}

inline std::vector<NativeModule> trial_modules() { return {{"trial", open_trial}}; }

/// What the programs of these tests begin with.
inline constexpr const char* kTrialStart = R"(
  local trial, time = require 'trial', require 'time'
  local m = require('mutex').new()
  local r = require('recursive_mutex').new()
  local c = require('condition_variable').new()
  local s = require('semaphore').new(0, 3)
  local q = require('queue').new(1)
  local promise, future = require('future').new()
  local out = {}
  local function log(x) out[#out + 1] = tostring(x) end
  local function is(text)
    local all = table.concat(out, ' ')
    if all ~= text then error(all, 2) end
    out = {}
  end
  local function yield() for _ = 1, 3 do this_fiber.yield() end end
)";

/// Runs `source` behind the trial's start; its error or "". It leaves no timer and logs nothing.
inline std::string run(const std::string& source, VmConfig config = {}) {
  Script script{config, trial_modules()};
  const std::string error = script.run(kTrialStart + source);
  CHECK(script.vm->usage().timers == 0);
  CHECK(script.host.lines.empty());
  return error;
}

}  // namespace perilune::runtime::testing
