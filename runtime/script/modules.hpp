#pragma once

/// @file
/// Modules: what `require` finds, and the environment in which each file runs.
///
/// Each file runs once per VM in a table of its own that begins as a copy of the globals; that
/// table is what `require` returns, unless the file itself returns a table, function or userdata.
/// Importing runs in the importing fiber and may suspend.

#include <string>
#include <string_view>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

class Vm;

/// Finishes `require` once fibers are there (importing may wait for another fiber's import). Names
/// of C++ modules: `Vm::find_module`, then generic_error, asio_error, log, byte_span, bit,
/// perilune, system. Under protection.
void open_modules(lua_State* L);

/// Compiles the start file; its folder becomes the import root. Pushes the function (its
/// environment made, `_CONTEXT` set: "main", "worker", "test") and returns true, or pushes
/// "path:line: message" and returns false. Call once per VM, under protection.
[[nodiscard]] bool push_start(Vm& vm, lua_State* L, std::string_view source,
                              const std::string& path, const char* context);

}  // namespace perilune::runtime
