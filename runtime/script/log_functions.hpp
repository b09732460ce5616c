#pragma once

/// @file
/// `print` and `log`: what a script says, as structured lines for `VmHost::log`.

#include <string>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// (text): `print`'s end. Hosted: a line of severity info with its place in the source; engine:
/// standard output.
int write_line(lua_State* L);

/// (text): a line of severity error without a place.
int report_line(lua_State* L);

/// Pushes the table with `debug info warn error`: each takes (message [, fields]) or
/// ({msg = …, fields…}). Metamethods of the fields are not run.
int open_log(lua_State* L);

}  // namespace perilune::runtime
