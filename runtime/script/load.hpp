#pragma once

/// @file
/// Source text to Lua functions: text only, names made safe for logs.

#include <cstddef>
#include <string>
#include <string_view>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// What `load` accepts in a hosted VM. A bundle's own files may be larger.
inline constexpr std::size_t kMaxLoadText = std::size_t{256} << 10U;

/// Compiles `source` (a byte-order mark or a `#!` line is skipped) as `path`. Pushes the function
/// and returns true, or pushes the message "path:line: …" and returns false. Bytecode is refused.
[[nodiscard]] bool push_chunk(lua_State* L, std::string_view source, const std::string& path);

/// (text, name, mode, environment) -> function, or nil and a message: the core of `load`.
int load_text(lua_State* L);

}  // namespace perilune::runtime
