#pragma once

/// @file
/// The hosted `os`: time, date, clock, difftime; UTC, by the VM's coarse clock, no libc time zone
/// code (it opens files).

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Replaces what the stock `os` of the engine can't do on a VM's stack: `exit`.
void mend_engine_os(lua_State* L);
/// Sets the global `os`.
void open_hosted_os(lua_State* L);

}  // namespace perilune::runtime
