#pragma once

/// @file
/// `require 'system'` of the engine: the process that runs the program.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

/// NativeModule::open: what `open_system` gives, and the process, its end and its streams. Needs
/// the slot `EngineLoop`.
int open_engine_system(lua_State* L);
extern const ModuleReference kSystemReference;

/// Sets `in_`, `out` and `err` of the table on top.
void set_standard_streams(lua_State* L);
extern const LuaClass kInputStream;
extern const LuaClass kOutputStream;

}  // namespace perilune::runtime
