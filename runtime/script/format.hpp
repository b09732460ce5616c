#pragma once

/// @file
/// The global `format(fmt, ...)`: libfmt's syntax for booleans, numbers and strings.

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// Arguments are booleans, numbers, strings, or `{"name", value}` for a named one. A mistake in the
/// format is EINVAL with libfmt's sentence. Bounds: format 4096 bytes, width and precision 4096,
/// result 1 MiB; no nested fields.
int format_text(lua_State* L);

}  // namespace perilune::runtime
