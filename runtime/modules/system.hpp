#pragma once

/// @file
/// `require 'system'`: arguments and environment.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// NativeModule::open. `system.arguments` and `system.environment` come from the slot
/// `AppIdentity`; in the engine the environment is the process's.
int open_system(lua_State* L);

}  // namespace perilune::runtime
