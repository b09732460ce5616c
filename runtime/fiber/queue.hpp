#pragma once

/// @file
/// `require 'queue'`: values on their way from fiber to fiber.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

int open_queue(lua_State* L);
extern const ModuleReference kQueueReference;

}  // namespace perilune::runtime
