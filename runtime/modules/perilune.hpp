#pragma once

/// @file
/// `require 'perilune'`: what a script can learn of its limits, its request and its place.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

class Invocation;
class Vm;

/// Who the app is. A slot (`vm.slot<AppIdentity>()`) that the worker fills before the start file
/// runs; empty in the engine.
struct AppIdentity {
  explicit AppIdentity(Vm&) {}

  std::string tenant;
  std::string app;
  std::string version;
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::string> arguments;  ///< of `perilune run`
};

/// What the script asked to run after the response. A slot.
struct Deferred {
  explicit Deferred(Vm&) {}

  std::unordered_map<const Invocation*, std::vector<int>> functions;  ///< registry references
};

/// Pushes a function that runs everything that `perilune.defer` collected for `invocation`, last
/// first, each protected (an error is logged, the others run); false if there is nothing. Whoever
/// ends a request spawns it as a fiber of the same invocation when the response is out. Call it for
/// every invocation that ends, or its functions stay until the VM goes.
[[nodiscard]] bool push_deferred(Vm& vm, lua_State* L, const Invocation* invocation);

/// NativeModule::open.
int open_perilune(lua_State* L);

}  // namespace perilune::runtime
