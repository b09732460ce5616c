#pragma once

/// @file
/// `require 'json'`: JSON text to Lua values and back. Both profiles.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

extern const ModuleReference kJsonReference;

/// NativeModule::open.
int open_json(lua_State* L);

}  // namespace perilune::runtime
