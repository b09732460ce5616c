#include "runtime/script/format.hpp"

#define FMT_HEADER_ONLY 1
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <lua.hpp>
#include <string_view>

#include "runtime/script/buffer.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/script/format_spec.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {
namespace {

constexpr std::size_t kMaxFormat = 4096;
constexpr int kMaxArguments = 255;
constexpr std::size_t kMaxResult = std::size_t{1} << 20U;
constexpr double kExact = 9007199254740992.0;     // 2^53: every integer up to it is a number
constexpr double kInt64 = 9223372036854775808.0;  // 2^63

/// Text that libfmt makes; what is longer than this is on the heap for a moment.
using Text = fmt::basic_memory_buffer<char, 512>;

struct Value {
  int type = LUA_TNIL;
  double number = 0;
  bool truth = false;
  std::string_view text;
  int argument = 1;  ///< its place in the call
};

bool is_integer_type(char type) {
  return std::string_view{"bBdoxXc"}.find(type) != std::string_view::npos;
}
bool is_real_type(char type) {
  return std::string_view{"aAeEfFgG"}.find(type) != std::string_view::npos;
}

/// libfmt's own specification for a field whose numbers are known.
class SpecText {
 public:
  SpecText(const FieldSpec& field, unsigned width, unsigned precision, char type) {
    add("{:");
    if (field.align != 0) {
      add(field.fill);
      add(field.align);
    }
    if (field.sign != 0) add(field.sign);
    if (field.alternate) add('#');
    if (field.zero) add('0');
    if (width > 0) add(width);
    if (field.precision.given) {
      add('.');
      add(precision);
    }
    if (type != 0) add(type);
    add('}');
  }
  [[nodiscard]] fmt::string_view view() const { return {text_.data(), size_}; }

 private:
  void add(char c) { text_[size_++] = c; }
  void add(std::string_view text) {
    for (const char c : text) add(c);
  }
  void add(unsigned number) {
    const auto end = std::to_chars(text_.data() + size_, text_.data() + text_.size(), number).ptr;
    size_ = static_cast<std::size_t>(end - text_.data());
  }

  std::array<char, 32> text_{};
  std::size_t size_ = 0;
};

template <typename T>
void write(Text& out, const SpecText& spec, const T& value) {
  fmt::vformat_to(fmt::appender{out}, spec.view(), fmt::make_format_args(value));
}

/// One call of `format`. Trivially destructible: a Lua error may end it at any point.
class Formatter {
 public:
  Formatter(lua_State* L, std::string_view format)
      : L_{L}, format_{format}, last_{lua_gettop(L)}, out_{L} {}

  void run() {
    check_arguments();
    Vm& vm = Vm::of(L_);
    std::size_t at = 0;
    while (at < format_.size()) {
      const std::size_t brace = format_.find_first_of("{}", at);
      append(format_.substr(at, brace - at));
      if (brace == std::string_view::npos) break;
      at = brace + 1;
      if (at < format_.size() && format_[at] == format_[brace]) {
        append(format_.substr(at++, 1));
        continue;
      }
      if (format_[brace] == '}') fail("'}' without '{'; a brace is written as '}}'", brace);
      // A field may be long work: 4096 digits.
      if (vm.must_stop()) vm.raise_verdict(L_);
      FieldSpec field;
      const FormatFault fault = read_field(format_, at, field);
      if (fault.what != nullptr) fail(fault.what, fault.at);
      put(field);
    }
    out_.finish();
  }

 private:
  [[noreturn]] void fail(const char* what, std::size_t at, int argument = 1) {
    lua_pushfstring(L_, "format: %s (at position %d)", what, static_cast<int>(at) + 1);
    push_code(L_, kGenericCategory, EINVAL, lua_tostring(L_, -1));
    lua_pushinteger(L_, argument);
    lua_setfield(L_, -2, "arg");
    lua_pushinteger(L_, static_cast<lua_Integer>(at) + 1);
    lua_setfield(L_, -2, "position");
    lua_error(L_);
    __builtin_unreachable();
  }

  void append(std::string_view text) {
    if (text.size() > kMaxResult - out_.size()) {
      push_code(L_, kGenericCategory, EMSGSIZE, "format: the result is over 1 MiB");
      lua_error(L_);
    }
    out_.append(text);
  }

  // -- arguments

  /// Refuses what could not be formatted, whether the format uses it or not.
  void check_arguments() {
    luaL_checkstack(L_, 4, "format");
    if (last_ - 1 > kMaxArguments) raise_bad_argument(L_, kMaxArguments + 2);
    for (int i = 2; i <= last_; ++i) {
      if (lua_type(L_, i) == LUA_TTABLE) {
        lua_rawgeti(L_, i, 1);
        if (lua_type(L_, -1) != LUA_TSTRING) raise_bad_argument(L_, i);
        lua_pop(L_, 1);
      }
      const int type = value_at(i).type;
      if (type != LUA_TBOOLEAN && type != LUA_TNUMBER && type != LUA_TSTRING)
        raise_bad_argument(L_, i);
    }
  }

  /// The argument at `index`, or the second element of the pair there. Its text stays where it is.
  Value value_at(int index) {
    Value value;
    value.argument = index;
    const bool pair = lua_type(L_, index) == LUA_TTABLE;
    if (pair) lua_rawgeti(L_, index, 2);
    const int at = pair ? -1 : index;
    value.type = lua_type(L_, at);
    if (value.type == LUA_TBOOLEAN) value.truth = lua_toboolean(L_, at) != 0;
    if (value.type == LUA_TNUMBER) value.number = lua_tonumber(L_, at);
    if (value.type == LUA_TSTRING) {
      std::size_t size = 0;
      const char* data = lua_tolstring(L_, at, &size);
      value.text = {data, size};
    }
    if (pair) lua_pop(L_, 1);
    return value;
  }

  Value find_named(const FieldId& id) {
    for (int i = 2; i <= last_; ++i) {
      if (lua_type(L_, i) != LUA_TTABLE) continue;
      lua_rawgeti(L_, i, 1);
      std::size_t size = 0;
      const char* name = lua_tolstring(L_, -1, &size);
      const bool found = std::string_view{name, size} == id.name;
      lua_pop(L_, 1);
      if (found) return value_at(i);
    }
    fail("no argument has this name", id.at);
  }

  Value find(const FieldId& id) {
    if (id.kind == FieldId::Kind::Name) return find_named(id);
    const bool numbered = id.kind == FieldId::Kind::Position;
    if ((numbered ? next_ > 0 : numbered_))
      fail("'{}' and '{0}' cannot both be in one format", id.at);
    if (numbered) numbered_ = true;
    const unsigned position = numbered ? id.position : next_++;
    if (position >= static_cast<unsigned>(last_ - 1)) fail("there is no such argument", id.at);
    return value_at(static_cast<int>(position) + 2);
  }

  unsigned number_of(const FieldNumber& number) {
    if (number.from.kind == FieldId::Kind::None) return number.value;
    const Value value = find(number.from);
    if (value.type != LUA_TNUMBER || std::floor(value.number) != value.number || value.number < 0)
      fail("a width or precision is a whole number", number.from.at, value.argument);
    if (value.number > kMaxFormatWidth)
      fail("a width or precision is over 4096", number.from.at, value.argument);
    return static_cast<unsigned>(value.number);
  }

  // -- fields

  void put(const FieldSpec& field) {
    const Value value = find(field.id);
    const unsigned width = number_of(field.width);
    const unsigned precision = number_of(field.precision);
    switch (value.type) {
      case LUA_TSTRING: return put_text(field, value, width, precision);
      case LUA_TNUMBER: return put_number(field, value, width, precision);
      default: break;
    }
    if (field.type != 0 && field.type != 's') {
      put_integer(field, value, value.truth ? 1 : 0, width);
    } else {
      Value word = value;
      word.text = value.truth ? "true" : "false";
      if (field.precision.given) fail("a boolean has no precision", field.type_at, value.argument);
      put_text(field, word, width, 0);
    }
  }

  void put_text(const FieldSpec& field, const Value& value, unsigned width, unsigned precision) {
    if (field.type != 0 && field.type != 's')
      fail("this type is not for text", field.type_at, value.argument);
    if (field.sign != 0 || field.alternate || field.zero)
      fail("sign, '#' and '0' are for numbers", field.type_at, value.argument);
    if (width == 0 && !field.precision.given) return append(value.text);
    // Cut or not, no more than this is asked for: libfmt need not see it.
    if (!field.precision.given && value.text.size() > kMaxResult) return append(value.text);
    render(field, SpecText{field, width, precision, 0},
           fmt::string_view{value.text.data(), value.text.size()}, value);
  }

  void put_number(const FieldSpec& field, const Value& value, unsigned width, unsigned precision) {
    const double number = value.number;
    if (is_integer_type(field.type)) {
      if (!(std::floor(number) == number && number >= -kInt64 && number < kInt64)) {
        std::array<char, 64> text{};
        (void)std::snprintf(text.data(), text.size(), "%.14g is not an integer",
                            std::isnan(number) ? std::abs(number) : number);
        fail(text.data(), field.type_at, value.argument);
      }
      return put_integer(field, value, static_cast<long long>(number), width);
    }
    if (field.type != 0 && !is_real_type(field.type))
      fail("this type is not for numbers", field.type_at, value.argument);
    const bool whole = field.type == 0 && !field.precision.given && !field.alternate &&
                       std::floor(number) == number && std::abs(number) < kExact &&
                       !(number == 0 && std::signbit(number));
    if (whole) return put_integer(field, value, static_cast<long long>(number), width);
    render(field, SpecText{field, width, precision, field.type}, number, value);
  }

  void put_integer(const FieldSpec& field, const Value& value, long long number, unsigned width) {
    if (!is_integer_type(field.type) && field.type != 0)
      fail("this type is not for integers", field.type_at, value.argument);
    if (field.precision.given) fail("an integer has no precision", field.type_at, value.argument);
    if (field.type == 'c') return put_character(field, value, number, width);
    if (width == 0 && field.sign == 0 && (field.type == 0 || field.type == 'd')) {
      std::array<char, 24> digits{};
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
      return append({digits.data(), static_cast<std::size_t>(end - digits.data())});
    }
    render(field, SpecText{field, width, 0, field.type}, number, value);
  }

  void put_character(const FieldSpec& field, const Value& value, long long number, unsigned width) {
    if (value.type == LUA_TBOOLEAN || number < 0 || number > 255)
      fail("a character is a byte, 0 to 255", field.type_at, value.argument);
    if (field.sign != 0 || field.alternate || field.zero)
      fail("sign, '#' and '0' are for numbers", field.type_at, value.argument);
    render(field, SpecText{field, width, 0, 0}, static_cast<char>(number), value);
  }

  template <typename T>
  void render(const FieldSpec& field, const SpecText& spec, const T& value, const Value& from) {
    Text text;
    std::array<char, 80> complaint{};
    try {
      write(text, spec, value);
    } catch (const fmt::format_error& error) {
      (void)std::snprintf(complaint.data(), complaint.size(), "%s", error.what());
    }
    if (complaint[0] != '\0') fail(complaint.data(), field.id.at, from.argument);
    append({text.data(), text.size()});
  }

  lua_State* L_;
  std::string_view format_;
  int last_;
  LuaBuffer out_;
  unsigned next_ = 0;      ///< argument of the next "{}"
  bool numbered_ = false;  ///< "{0}" was seen
};

constexpr std::array<LuaFunction, 1> kFunctions{{
    {"format", format_text, false, "format(fmt, ...) -> string",
     "EINVAL for a mistake in `fmt`, with a sentence, the field `position` (of the byte in `fmt`) "
     "and the field `arg` (1, or the number of the argument that does not fit); EMSGSIZE if the "
     "result is over 1 MiB."},
}};

}  // namespace

const ModuleReference kFormatReference{
    .name = "format",
    .summary =
        R"(Text with replacement fields in [libfmt's syntax](https://fmt.dev/latest/syntax.html).

Arguments are strings, numbers and booleans, or pairs `{"name", value}`: a named argument, which also keeps its place.

```lua
format('{} + {} = {}', 1, 2, 3)              --> 1 + 2 = 3
format('{1}, {0}', 'a', 'b')                 --> b, a
format('{s:.2f} s', {'s', 1.234})            --> 1.23 s
format('{:>{}}|{:*^9}|{:.{}f}', 'x', 4, 'mid', 3.14159, 2)  -->    x|***mid***|3.14
format('{:#x} {:08b} {:+d} {:c}', 255, 5, 7, 65)            --> 0xff 00000101 +7 A
```

A field is `{ID:SPEC}`; ID is empty (the next argument), a number from 0, or a name; `{}` and `{0}` cannot both be in one format. `{{` and `}}` are braces.

SPEC is `[[fill]align][sign][#][0][width][.precision][L][type]`:

| part | meaning |
|---|---|
| fill, align | `<` left, `>` right, `^` middle, after the character (UTF-8) that fills; numbers are at the right, the rest is at the left |
| sign | `+`, `-` or a space: for numbers |
| `#` | the prefix of `b`, `o`, `x`; the decimal point of real numbers |
| `0` | zeros behind the sign |
| width, precision | a number up to 4096, or `{}`, `{0}`, `{name}`: an argument's value. Width counts columns. Precision: digits of a real number, or the most columns of a string |
| `L` | allowed, without effect: the locale is always C |
| type | strings: `s`. Booleans: `s`, or as integers. Integers: `b` `B` `c` `d` `o` `x` `X`. Real numbers: `a` `A` `e` `E` `f` `F` `g` `G` |

A number is an integer if it is whole and nothing asks for a real one (a precision, `#` or its type); an integer type and a number with a fraction are an error.

The format has at most 4096 bytes and 255 arguments.)",
    .functions = kFunctions,
    .global = true,
};

int format_text(lua_State* L) {
  if (lua_isstring(L, 1) == 0) raise_type(L, 1, "string");
  std::size_t size = 0;
  const char* format = lua_tolstring(L, 1, &size);
  if (size > kMaxFormat) raise_bad_argument(L, 1);
  luaL_checkstack(L, 6, "format");
  Formatter{L, {format, size}}.run();
  return 1;
}

}  // namespace perilune::runtime
