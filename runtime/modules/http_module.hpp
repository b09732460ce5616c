#pragma once

/// @file
/// `require 'http'`.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// NativeModule::open: pushes the module.
int open_http(lua_State* L);

}  // namespace perilune::runtime
