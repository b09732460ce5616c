#pragma once

/// @file
/// `require 'stream'`: reading and writing whole pieces, over any object with `read_some` or
/// `write_some`.
///
/// The part that calls the stream is Lua code (stream_source.cpp): a stream may be a script's own
/// object, and whatever it does may suspend.

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

int open_stream(lua_State* L);
extern const ModuleReference kStreamReference;

}  // namespace perilune::runtime
