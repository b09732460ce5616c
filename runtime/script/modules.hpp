#pragma once

/// @file
/// Modules: what `require` finds, and the environment in which each file runs.
///
/// Each file runs once per VM in a table of its own that begins as a copy of the globals; that
/// table is what `require` returns, unless the file itself returns a table, function or userdata.
/// The body runs in the fiber that imports first, and may suspend; other fibers that need the
/// module wait for it.

#include <string>
#include <string_view>
#include <vector>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

class Vm;

/// What a program may import beyond the files below its start file. A slot, filled before the start
/// file is compiled; empty in hosted apps.
struct ModuleSearch {
  explicit ModuleSearch(Vm&) {}

  /// The start file and what it imports by `./`, `../` and `/` see `_CONTEXT == "test"`.
  bool test = false;
  /// Folders of external packages, in order, each with a slash at its end.
  std::vector<std::string> path;
  /// True if a regular file is there.
  bool (*exists)(const std::string& file) = nullptr;
  /// Loads a native plugin and pushes its module table, or raises. nullptr: there are none.
  void (*open_plugin)(lua_State* L, const std::string& file) = nullptr;
};

/// Compiles the start file; its folder becomes the import root. Pushes the function (its
/// environment made, `_CONTEXT` set: "main", "worker", "test") and returns true, or pushes
/// "path:line: message" and returns false. Call once per VM, under protection, when all globals
/// are there.
[[nodiscard]] bool push_start(Vm& vm, lua_State* L, std::string_view source,
                              const std::string& path, const char* context);

/// For the prelude: loads `require`, `load` and the like, as a table of functions that take the
/// environment they act for first.
int load_functions(lua_State* L);

}  // namespace perilune::runtime
