#pragma once

/// @file
/// The hosted `os`: time, date, clock, difftime; UTC, one millisecond coarse, no libc time zone
/// code (it opens files).

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Sets the global `os`.
void open_hosted_os(lua_State* L);

}  // namespace perilune::runtime
