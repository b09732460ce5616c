#pragma once

/// @file
/// Native plugins: shared libraries that `require` loads, in the engine only. What a plugin sees is
/// include/perilune/plugin.h.

#include <string>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Loads the shared library `file` (kept for the life of the process) and pushes its module table.
/// Raises ENOEXEC (category `generic`, field `module`: the file) with a sentence if it is no
/// library, no plugin, or one for another ABI; the plugin's own error if its `open` failed. Needs
/// the slot `EngineLoop`.
void open_plugin(lua_State* L, const std::string& file);

}  // namespace perilune::runtime
