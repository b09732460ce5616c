#pragma once

/// @file
/// Private to stream.cpp: what `stream.scanner` is made of, the Lua part and its C helpers.

#include <span>
#include <string_view>

#include "runtime/script/lua_class.hpp"

namespace perilune::runtime {

/// The Lua part of the module. Arguments: a table of `scanner_helpers` and those of stream.cpp.
/// Returns `read_all`, `read_at_least`, `write_all`, `write_at_least`, and the scanner's functions
/// and methods as tables.
[[nodiscard]] std::string_view stream_source() noexcept;
[[nodiscard]] std::string_view scanner_source() noexcept;

[[nodiscard]] std::span<const luaL_Reg> scanner_helpers() noexcept;
/// The rows of its page.
extern const LuaClass kScannerReference;

}  // namespace perilune::runtime
