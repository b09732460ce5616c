#pragma once

/// @file
/// Failures of networks and HTTP as the error values that scripts see.

#include "runtime/modules/http_backend.hpp"

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Raises `error`: category system (errno), asio.misc (eof) or perilune (a rule of the operator).
[[noreturn]] void raise_io(lua_State* L, const IoError& error);
/// Raises `fault`: category http, or as `raise_io`.
[[noreturn]] void raise_fault(lua_State* L, const HttpFault& fault);

}  // namespace perilune::runtime
