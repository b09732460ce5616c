#pragma once

/// @file
/// The functions behind byte_span's tables (byte_span_class.cpp): what each does is said there.

#include <bitset>
#include <cstddef>
#include <string_view>

extern "C" {
struct lua_State;
}

namespace perilune::runtime {

/// A loop over a span looks at the budget after this many bytes.
inline constexpr std::size_t kSpanPoll = std::size_t{1} << 16U;

// byte_span.cpp: spans as values
int span_new(lua_State* L);
int span_append(lua_State* L);
int span_slice(lua_State* L);
int span_first(lua_State* L);
int span_last(lua_State* L);
int span_trimmed(lua_State* L);
int span_copy(lua_State* L);
int span_index(lua_State* L);
int span_newindex(lua_State* L);
int span_len(lua_State* L);
int span_equal(lua_State* L);
int span_tostring(lua_State* L);

// byte_span_methods.cpp: searching, filling
int span_starts_with(lua_State* L);
int span_ends_with(lua_State* L);
int span_find(lua_State* L);
int span_rfind(lua_State* L);
int span_find_first_of(lua_State* L);
int span_find_last_of(lua_State* L);
int span_find_first_not_of(lua_State* L);
int span_find_last_not_of(lua_State* L);
int span_fill(lua_State* L);
int span_lower(lua_State* L);
int span_upper(lua_State* L);

using ByteSet = std::bitset<256>;
[[nodiscard]] ByteSet byte_set(std::string_view bytes) noexcept;
/// Offset of the first byte at or after `from` (of the last before `end`) whose membership in `set`
/// is `wanted`, or npos. Raises the verdict if the VM must stop.
[[nodiscard]] std::size_t first_byte(lua_State* L, std::string_view in, const ByteSet& set,
                                     bool wanted, std::size_t from);
[[nodiscard]] std::size_t last_byte(lua_State* L, std::string_view in, const ByteSet& set,
                                    bool wanted, std::size_t end);

/// byte_span_numbers.cpp: pushes `get_u16be` and the like if the value at `key` names one (and true
/// is returned).
[[nodiscard]] bool push_number_method(lua_State* L, int key);

}  // namespace perilune::runtime
