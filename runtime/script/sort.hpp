#pragma once

/// @file
/// `table.sort` without a comparator, for what can be compared without Lua.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// (table) -> true if it was sorted: all numbers (no NaN) or all strings. Otherwise the table is
/// untouched and the prelude sorts with `<`, whose metamethods may suspend.
int table_sort_plain(lua_State* L);

}  // namespace perilune::runtime
