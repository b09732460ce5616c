// The tables of byte_span: what scripts find, and docs/reference/lua-byte_span.md.
#include <array>
#include <lua.hpp>

#include "runtime/modules/byte_span.hpp"
#include "runtime/modules/byte_span_methods.hpp"

namespace perilune::runtime {
namespace {

constexpr std::array<LuaFunction, 21> kMethods{{
    {"slice", span_slice, false, "s:slice([i = 1[, j = #s]]) -> byte_span",
     "A view of bytes `i` to `j` of the same memory: writing to one shows in the other. `j` may be "
     "beyond `#s`, up to `s.capacity`; `i` may be `j + 1` (an empty view). Otherwise EINVAL with "
     "`arg`."},
    {"sub", span_slice, false, "s:sub([i[, j]]) -> byte_span", "The same as `slice`."},
    {"first", span_first, false, "s:first(n) -> byte_span",
     "A view of the first `n` bytes; EINVAL unless 0 <= n <= #s."},
    {"last", span_last, false, "s:last(n) -> byte_span",
     "A view of the last `n` bytes; EINVAL unless 0 <= n <= #s."},
    {"trimmed", span_trimmed, false, "s:trimmed([blanks = \" \\f\\n\\r\\t\\v\"]) -> byte_span",
     "A view without the bytes of `blanks` at both ends."},
    {"copy", span_copy, false, "s:copy(source) -> number",
     "Writes the bytes of a span or string over its own, from the first on, as many as both have; "
     "says how many. The two may overlap."},
    {"append", span_append, false, "s:append(...) -> byte_span",
     "Its bytes and those of each argument (spans, strings; nil is skipped). In place behind its "
     "bytes while `s.capacity` lasts (whatever was there is overwritten), else a copy with twice "
     "the room. `s` itself keeps its length."},
    {"fill", span_fill, false, "s:fill(byte) -> s", "Sets every byte; EINVAL unless 0..255."},
    {"inplace_lower", span_lower, false, "s:inplace_lower() -> s", "ASCII letters to lower case."},
    {"inplace_upper", span_upper, false, "s:inplace_upper() -> s", "ASCII letters to upper case."},
    {"starts_with", span_starts_with, false, "s:starts_with(bytes) -> boolean",
     "`bytes` is a span or string, here and below."},
    {"ends_with", span_ends_with, false, "s:ends_with(bytes) -> boolean", "The other end."},
    {"find", span_find, false, "s:find(bytes[, start = 1]) -> number | nil",
     "Where `bytes` first occur at or after `start`. In linear time."},
    {"rfind", span_rfind, false, "s:rfind(bytes[, last = #s]) -> number | nil",
     "Where `bytes` occur last with their last byte at or before `last`."},
    {"find_first_of", span_find_first_of, false,
     "s:find_first_of(set[, start = 1]) -> number | nil",
     "The first byte at or after `start` that is one of the set's."},
    {"find_last_of", span_find_last_of, false, "s:find_last_of(set[, last = #s]) -> number | nil",
     "The last byte at or before `last` that is one of the set's."},
    {"find_first_not_of", span_find_first_not_of, false,
     "s:find_first_not_of(set[, start = 1]) -> number | nil",
     "The first byte at or after `start` that is none of the set's."},
    {"find_last_not_of", span_find_last_not_of, false,
     "s:find_last_not_of(set[, last = #s]) -> number | nil",
     "The last byte at or before `last` that is none of the set's."},
    {"get_…", nullptr, false, "s:get_u16be() -> number",
     "All bytes of `s` as one number. For each of `u16 u24 u32 u40 u48 i16 i24 i32 i40 i48 f32 "
     "f64` with `be` (big endian) or `le`, and `get_i8`. EINVAL (`arg` 1) unless `#s` is the "
     "number's size: `s:slice(3, 4):get_u16be()`."},
    {"set_…", nullptr, false, "s:set_u16be(number)",
     "The same types. EINVAL (`arg` 1) for the wrong `#s`, (`arg` 2) for a number that is no "
     "integer or does not fit."},
    {"[]", nullptr, false, "s[i], s[i] = byte, #s, s == other, tostring(s)",
     "Bytes are numbers 0..255, the first is `s[1]`; a position outside 1..#s is the error "
     "`bad_index` with the field `index`. `==` compares contents; `tostring` gives them as a "
     "string."},
}};

constexpr std::array<LuaProperty, 1> kReadable{
    {{"capacity", 1, "number: up to where `slice` and `append` may go in the same memory"}}};

constexpr std::array<luaL_Reg, 3> kMeta{
    {{"__len", span_len}, {"__eq", span_equal}, {"__tostring", span_tostring}}};

constexpr std::array<LuaFunction, 3> kFunctions{{
    {"new", span_new, false, "byte_span.new(length[, capacity = length]) -> byte_span",
     "Zeros. EINVAL with `arg` unless 0 <= length <= capacity < 2 GiB."},
    {"with_zeros", span_new, false, "byte_span.with_zeros(length[, capacity]) -> byte_span",
     "The same: `new` gives zeros too."},
    {"append", span_append, false, "byte_span.append(...) -> byte_span",
     "The bytes of all arguments (spans, strings; nil is skipped). If the first is a span it is "
     "that span's `append`."},
}};

constexpr std::array kClasses{&kByteSpanClass};

}  // namespace

const LuaClass kByteSpanClass{
    .name = "perilune.byte_span",
    .shown = "byte_span",
    .methods = kMethods,
    .readable = kReadable,
    .writable = {},
    .index = span_index,
    .newindex = span_newindex,
    .collect = nullptr,
    .meta = kMeta,
    .help = "Positions count from 1. In an EINVAL's `arg` the span itself is argument 1.",
};

const ModuleReference kByteSpanReference{
    .name = "byte_span",
    .summary =
        "Bytes in memory that can be changed: what streams read into and write from. Like a "
        "slice in Go, a span is a window (`#s` bytes) on memory that goes on to "
        "`s.capacity`; views share it, and it lives as long as one of them. It counts "
        "against the VM's memory limit, once.\n\n"
        "```lua\n"
        "local buffer = byte_span.new(4096)\n"
        "local n = socket:read_some(buffer)\n"
        "local head = buffer:first(n):trimmed()\n"
        "```",
    .functions = kFunctions,
    .classes = kClasses,
    .global = true,
};

void open_byte_span(lua_State* L) {
  lua_createtable(L, 0, 3);
  set_functions(L, kFunctions);
  lua_setglobal(L, "byte_span");
}

}  // namespace perilune::runtime
