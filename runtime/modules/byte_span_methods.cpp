#include "runtime/modules/byte_span_methods.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <bitset>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <lua.hpp>
#include <string_view>

#include "runtime/modules/byte_span.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

using View = std::string_view;
constexpr std::size_t kPollWork = std::size_t{1} << 16U;

View check_view(lua_State* L, int index) { return check_byte_span(L, index)->view(); }

/// Pushes a found offset as a script's position, or nil.
int push_found(lua_State* L, std::size_t offset) {
  if (offset == View::npos) {
    lua_pushnil(L);
  } else {
    lua_pushnumber(L, static_cast<double>(offset) + 1);
  }
  return 1;
}

/// The optional position at `index` as an offset.
std::size_t opt_offset(lua_State* L, int index, std::size_t fallback) {
  if (lua_isnoneornil(L, index)) return fallback;
  const double position = luaL_checknumber(L, index);
  if (!(position >= 1 && position <= 0x7FFFFFFF)) raise_bad_argument(L, index);
  return static_cast<std::size_t>(position) - 1;
}

int span_starts_with(lua_State* L) {
  lua_pushboolean(L, check_view(L, 1).starts_with(check_bytes(L, 2)) ? 1 : 0);
  return 1;
}

int span_ends_with(lua_State* L) {
  lua_pushboolean(L, check_view(L, 1).ends_with(check_bytes(L, 2)) ? 1 : 0);
  return 1;
}

/// memmem: linear in the worst case, unlike std::string_view::find.
int span_find(lua_State* L) {
  const View in = check_view(L, 1);
  const View what = check_bytes(L, 2);
  const std::size_t from = opt_offset(L, 3, 0);
  if (from > in.size()) return push_found(L, View::npos);
  if (what.empty()) return push_found(L, from);
  const void* found = memmem(in.data() + from, in.size() - from, what.data(), what.size());
  if (found == nullptr) return push_found(L, View::npos);
  return push_found(L, static_cast<std::size_t>(static_cast<const char*>(found) - in.data()));
}

/// The last byte of a match is at or before position `end`.
int span_rfind(lua_State* L) {
  const View in = check_view(L, 1);
  const View what = check_bytes(L, 2);
  const std::size_t end =
      lua_isnoneornil(L, 3) ? in.size() : std::min(in.size(), opt_offset(L, 3, 0) + 1);
  if (what.size() > end) return push_found(L, View::npos);
  Vm& vm = Vm::of(L);
  std::size_t work = 0;  // the comparison may be quadratic: it pays attention to the budget
  for (std::size_t at = end - what.size();; --at) {
    if (in.substr(at, what.size()) == what) return push_found(L, at);
    if (at == 0) return push_found(L, View::npos);
    work += what.size() + 1;
    if (work < kPollWork) continue;
    work = 0;
    if (vm.must_stop()) vm.raise_verdict(L);
  }
}

/// A set of bytes: one look per byte, however long the set's text is.
std::bitset<256> check_set(lua_State* L, int index) {
  std::bitset<256> set;
  for (const char c : check_bytes(L, index)) set.set(static_cast<unsigned char>(c));
  return set;
}

/// The first byte at or after the position whose membership in the set is `wanted`.
int find_forward(lua_State* L, bool wanted) {
  const View in = check_view(L, 1);
  const auto set = check_set(L, 2);
  for (std::size_t at = opt_offset(L, 3, 0); at < in.size(); ++at) {
    if (set[static_cast<unsigned char>(in[at])] == wanted) return push_found(L, at);
  }
  return push_found(L, View::npos);
}

int find_backward(lua_State* L, bool wanted) {
  const View in = check_view(L, 1);
  const auto set = check_set(L, 2);
  std::size_t at = lua_isnoneornil(L, 3) ? in.size() : std::min(in.size(), opt_offset(L, 3, 0) + 1);
  while (at-- > 0) {
    if (set[static_cast<unsigned char>(in[at])] == wanted) return push_found(L, at);
  }
  return push_found(L, View::npos);
}

int span_find_first_of(lua_State* L) { return find_forward(L, true); }
int span_find_first_not_of(lua_State* L) { return find_forward(L, false); }
int span_find_last_of(lua_State* L) { return find_backward(L, true); }
int span_find_last_not_of(lua_State* L) { return find_backward(L, false); }

int span_fill(lua_State* L) {
  const ByteSpan* span = check_byte_span(L, 1);
  const double value = luaL_checknumber(L, 2);
  if (!(value >= 0 && value <= 255)) raise_bad_argument(L, 2);
  if (span->size > 0) std::memset(span->data, static_cast<int>(value), span->size);
  lua_settop(L, 1);
  return 1;
}

int span_lower(lua_State* L) {
  for (char& c : check_byte_span(L, 1)->bytes()) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  lua_settop(L, 1);
  return 1;
}

int span_upper(lua_State* L) {
  for (char& c : check_byte_span(L, 1)->bytes()) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - ('a' - 'A'));
  }
  lua_settop(L, 1);
  return 1;
}

enum class NumberKind : std::uint8_t { Unsigned, Signed, Float };

struct NumberFormat {
  const char* name;  ///< what follows get_ and set_
  NumberKind kind;
  unsigned bytes;
  bool big;
};

constexpr NumberFormat number(const char* name, NumberKind kind, unsigned bits, bool big) {
  return {name, kind, bits / 8, big};
}

using K = NumberKind;
constexpr std::array<NumberFormat, 25> kNumbers{
    {number("i8", K::Signed, 8, true),        number("u16be", K::Unsigned, 16, true),
     number("u16le", K::Unsigned, 16, false), number("u24be", K::Unsigned, 24, true),
     number("u24le", K::Unsigned, 24, false), number("u32be", K::Unsigned, 32, true),
     number("u32le", K::Unsigned, 32, false), number("u40be", K::Unsigned, 40, true),
     number("u40le", K::Unsigned, 40, false), number("u48be", K::Unsigned, 48, true),
     number("u48le", K::Unsigned, 48, false), number("i16be", K::Signed, 16, true),
     number("i16le", K::Signed, 16, false),   number("i24be", K::Signed, 24, true),
     number("i24le", K::Signed, 24, false),   number("i32be", K::Signed, 32, true),
     number("i32le", K::Signed, 32, false),   number("i40be", K::Signed, 40, true),
     number("i40le", K::Signed, 40, false),   number("i48be", K::Signed, 48, true),
     number("i48le", K::Signed, 48, false),   number("f32be", K::Float, 32, true),
     number("f32le", K::Float, 32, false),    number("f64be", K::Float, 64, true),
     number("f64le", K::Float, 64, false)}};

const NumberFormat& format_of(lua_State* L) {
  return kNumbers[static_cast<std::size_t>(lua_tointeger(L, lua_upvalueindex(1)))];
}

int span_get(lua_State* L) {
  const NumberFormat& format = format_of(L);
  const View bytes = check_view(L, 1);
  if (bytes.size() != format.bytes) raise_bad_argument(L, 1);
  std::uint64_t raw = 0;
  for (unsigned i = 0; i < format.bytes; ++i) {
    const unsigned at = format.big ? i : format.bytes - 1 - i;
    raw = raw << 8U | static_cast<unsigned char>(bytes[at]);
  }
  double value = static_cast<double>(raw);
  if (format.kind == K::Signed) {
    const unsigned unused = 64 - format.bytes * 8;
    value = static_cast<double>(static_cast<std::int64_t>(raw << unused) >> unused);
  } else if (format.kind == K::Float) {
    value = format.bytes == 8
                ? std::bit_cast<double>(raw)
                : static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(raw)));
    if (std::isnan(value)) value = std::nan("");  // a payload would be a tagged value to LuaJIT
  }
  lua_pushnumber(L, value);
  return 1;
}

/// The bits to store, or "bad argument" if the number has none in this format.
std::uint64_t check_bits(lua_State* L, const NumberFormat& format, double value) {
  if (format.kind == K::Float) {
    return format.bytes == 8 ? std::bit_cast<std::uint64_t>(value)
                             : std::bit_cast<std::uint32_t>(static_cast<float>(value));
  }
  const double span = std::ldexp(1.0, static_cast<int>(format.bytes) * 8);
  const double low = format.kind == K::Signed ? -span / 2 : 0;
  if (!(value >= low && value <= low + span - 1) || value != std::floor(value))
    raise_bad_argument(L, 2);
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
}

int span_set(lua_State* L) {
  const NumberFormat& format = format_of(L);
  ByteSpan* span = check_byte_span(L, 1);
  const double value = luaL_checknumber(L, 2);
  if (span->size != format.bytes) raise_bad_argument(L, 1);
  std::uint64_t raw = check_bits(L, format, value);
  for (unsigned i = 0; i < format.bytes; ++i, raw >>= 8U) {
    span->data[format.big ? format.bytes - 1 - i : i] = static_cast<char>(raw & 0xFFU);
  }
  return 0;
}

/// `get_u16be` and the like are made when a script asks for the first one: 50 closures that most
/// scripts never use would double the cost of a VM's library.
int number_method(lua_State* L) {
  std::size_t size = 0;
  const char* key = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &size) : "";
  const View name{key, size};
  if (!name.starts_with("get_") && !name.starts_with("set_")) return 0;
  for (std::size_t i = 0; i < kNumbers.size(); ++i) {
    if (name.substr(4) != kNumbers[i].name) continue;
    lua_pushinteger(L, static_cast<lua_Integer>(i));
    lua_pushcclosure(L, name[0] == 'g' ? span_get : span_set, 1);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
  }
  return 0;
}

constexpr std::array<luaL_Reg, 12> kMethods{{{"starts_with", span_starts_with},
                                             {"ends_with", span_ends_with},
                                             {"find", span_find},
                                             {"rfind", span_rfind},
                                             {"find_first_of", span_find_first_of},
                                             {"find_last_of", span_find_last_of},
                                             {"find_first_not_of", span_find_first_not_of},
                                             {"find_last_not_of", span_find_last_not_of},
                                             {"fill", span_fill},
                                             {"inplace_lower", span_lower},
                                             {"inplace_upper", span_upper},
                                             {nullptr, nullptr}}};

}  // namespace

void register_byte_span_methods(lua_State* L) {
  luaL_register(L, nullptr, kMethods.data());
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, number_method);
  lua_setfield(L, -2, "__index");
  lua_setmetatable(L, -2);
}

}  // namespace perilune::runtime
