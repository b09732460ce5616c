#pragma once

/// @file
/// The runtime's own Lua code: compiled once per process, loaded into each VM that needs it.

#include <string>
#include <string_view>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// A chunk of ours as bytecode without debug data: an eighth of the time and half of the memory
/// that its source would take in every VM. Its functions show in no traceback (`kPreludeChunk`).
/// Made before the worker is locked down or later, on any thread; then immutable.
class Bytecode {
 public:
  /// Throws std::logic_error if `source` does not compile, std::bad_alloc.
  explicit Bytecode(std::string_view source);

  /// Pushes the chunk's main function. Raises `not enough memory`.
  void push(lua_State* L) const;

 private:
  std::string code_;
};

}  // namespace perilune::runtime
