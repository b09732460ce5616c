#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <lua.hpp>

#include "runtime/modules/byte_span.hpp"
#include "runtime/modules/byte_span_methods.hpp"
#include "runtime/script/errors.hpp"

namespace perilune::runtime {
namespace {

using View = std::string_view;

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
  const View bytes = check_byte_span(L, 1)->view();
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

}  // namespace

/// Made when a script asks for the first one: 50 closures that most scripts never use would cost
/// every VM that has a byte_span some 6 KiB.
bool push_number_method(lua_State* L, int key) {
  if (lua_type(L, key) != LUA_TSTRING) return false;
  std::size_t size = 0;
  const char* text = lua_tolstring(L, key, &size);
  const View name{text, size};
  if (!name.starts_with("get_") && !name.starts_with("set_")) return false;
  for (std::size_t i = 0; i < kNumbers.size(); ++i) {
    if (name.substr(4) != kNumbers[i].name) continue;
    lua_pushinteger(L, static_cast<lua_Integer>(i));
    lua_pushcclosure(L, name[0] == 'g' ? span_get : span_set, 1);
    return true;
  }
  return false;
}

}  // namespace perilune::runtime
