#pragma once

/// @file
/// `require 'semaphore'`: a number of permits.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

int open_semaphore(lua_State* L);
extern const ModuleReference kSemaphoreReference;

}  // namespace perilune::runtime
