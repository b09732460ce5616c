#include "runtime/script/format.hpp"

#define FMT_HEADER_ONLY 1
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cmath>
#include <lua.hpp>
#include <optional>
#include <random>
#include <string>

#include "runtime/script/format_spec.hpp"
#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

using test::run_script;

TEST_CASE("format puts strings, numbers and booleans into replacement fields") {
  CHECK(run_script(R"(
    print(format('{} {} {} {:.2f} {:d} {:x} {:>5}|{:<4}|{:^5}|', 'a', true, 1.5, 3, 3, 255, 'r', 'l', 'c'))
    print(format('{1}{0} {name:05d} {{}}', 'a', 'b', {'name', 42}))
    print(format('{}', 2^53), format('{}', -1.0), format('{:+}', 1), format('{:?>3}', 1))
  )") == "a true 1.5 3.00 3 ff     r|l   |  c  |\nba 00042 {}\n9007199254740992\t-1\t+1\t??1\n");
}

TEST_CASE("format has bounds: each just within and just beyond") {
  CHECK(run_script(R"(
    local function code(...)
      local ok, r = pcall(format, ...)
      return ok and #r or r.code .. ' ' .. tostring(r)
    end
    print(code('{:4096}', 'x'), code('{:4097}', 'x'))
    print(code('{:.4096f}', 0), code('{:.4097f}', 0))
    print(code('{:{}}', 'x', 4096), code('{:{}}', 'x', 4097))
    print(code('{:99999999999999999999}', 'x'))
    print(code('{99999999999999999999}', 'x'))
    print(code(('x'):rep(4096)), code(('x'):rep(4097)))
    local many = {}
    for i = 1, 255 do many[i] = i end
    print(code('{254}', unpack(many)), code('{}', unpack(many, 1, 254)))
    many[256] = 1
    print(code('{}', unpack(many)))
    local big = ('x'):rep(2^18)
    print(code('{0}{0}{0}{0}', big), code('{0}{0}{0}{0}.', big), code('{0}{0}{0}{1}', big, big .. 'x'))
    print(code('{}', ('x'):rep(2^20)), code('{}', ('x'):rep(2^20 + 1)), code('{:.3}', ('x'):rep(2^21)))
    print(code('{:9}', ('x'):rep(2^20)), code('{:9}', ('x'):rep(2^20 + 1)))
  )") == "4096\t22 format: width over 4096 (at position 3)\n"
         "4098\t22 format: precision over 4096 (at position 4)\n"
         "4096\t22 format: a width or precision is over 4096 (at position 3)\n"
         "22 format: width over 4096 (at position 3)\n"
         "22 format: there is no such argument (at position 1)\n"
         "4096\t22 Invalid argument\n3\t1\n22 Invalid argument\n"
         "1048576\t90 format: the result is over 1 MiB\t90 format: the result is over 1 MiB\n"
         "1048576\t90 format: the result is over 1 MiB\t3\n"
         "1048576\t90 format: the result is over 1 MiB\n");
}

TEST_CASE("a long format is stopped with its request") {
  VmConfig config;
  test::ScriptVm vm{config};
  Invocation invocation{{}};
  invocation.condemn(Outcome::Canceled);
  CHECK(vm.run("print(pcall(format, ('{0:.4096f}'):rep(200), 1e308)) print 'never'", &invocation)
            .find("never") == std::string::npos);
}

/// What libfmt makes of the same, or nothing if it refuses.
template <typename... Arguments>
std::optional<std::string> expected(const std::string& format, const Arguments&... arguments) {
  try {
    return fmt::vformat(format, fmt::make_format_args(arguments...));
  } catch (const fmt::format_error&) {
    return std::nullopt;
  }
}

std::optional<std::string> actual(lua_State* L, const std::string& format, const char* text,
                                  double number) {
  lua_settop(L, 0);
  lua_pushcfunction(L, format_text);
  lua_pushlstring(L, format.data(), format.size());
  lua_pushstring(L, text);
  lua_pushnumber(L, number);
  lua_pushnumber(L, number);
  lua_pushboolean(L, 1);
  if (lua_pcall(L, 5, 1, 0) != 0) {
    INFO(error_text(L, -1));
    CHECK(is_code(L, -1, kGenericCategory, EINVAL));
    return std::nullopt;
  }
  std::size_t size = 0;
  const char* data = lua_tolstring(L, -1, &size);
  return std::string{data, size};
}

TEST_CASE("format agrees with libfmt on random formats") {
  constexpr std::string_view kPieces[] = {
      "{", "}", "{", "}", "{}", ":", "<", ">", "^", "+",  "-", " ",  "#", "0",  "7",  "2", ".", "d",
      "x", "s", "f", "e", "g",  "a", "*", "c", "é", "{{", "1", "{0", ":", "}}", "{1", "b", "."};
  std::mt19937 random{7};  // NOLINT(cert-msc51-cpp): the same formats each time
  std::uniform_int_distribution<std::size_t> piece{0, std::size(kPieces) - 1};
  std::uniform_int_distribution<int> length{1, 9};
  std::size_t formatted = 0;
  std::size_t refused = 0;
  test::ScriptVm vm;
  const auto done = vm.vm().protect([&](lua_State* L) {
    for (int round = 0; round < 60'000; ++round) {
      std::string format = round % 2 == 0 ? "{:" : "";
      for (int i = length(random); i > 0; --i) format += kPieces[piece(random)];
      if (round % 2 == 0) format += "}";
      const char* text = "pé";
      const double number = 2.5;
      const auto should = expected(format, text, number, number, true);
      const auto is = actual(L, format, text, number);
      if (should != is && (!should || should->size() < kMaxFormatWidth)) {
        INFO(format);
        CHECK(is.value_or("refused") == should.value_or("refused"));
      }
      ++(is ? formatted : refused);
    }
  });
  CHECK(done.has_value());
  CHECK(formatted > 3000);
  CHECK(refused > 3000);
}

TEST_CASE("whole numbers print like C++ integers, others like doubles") {
  test::ScriptVm vm;
  const auto done = vm.vm().protect([&](lua_State* L) {
    constexpr const char* kIntegers[] = {"{1}",       "{1:d}", "{1:+d}", "{1:08d}",  "{1:#x}",
                                         "{1:#010X}", "{1:b}", "{1:#o}", "{1:<12}|", "{1:^+12}|",
                                         "{1:*>12d}", "{1: }", "{1:012}"};
    for (const long long number :
         {0LL, 1LL, -1LL, 42LL, -123456LL, 9007199254740991LL, -9007199254740991LL}) {
      for (const char* format : kIntegers) {
        INFO(format << " " << number);
        CHECK(actual(L, format, "", static_cast<double>(number)) == expected(format, "", number));
      }
    }
    constexpr const char* kReals[] = {"{1}",    "{1:.3f}",  "{1:e}",    "{1:g}",     "{1:a}",
                                      "{1:G}",  "{1:+.1f}", "{1:#.0f}", "{1:12}",    "{1:012.2f}",
                                      "{1:.3}", "{1:E}",    "{1:F}",    "{1:^20.5e}"};
    for (const double number : {0.5, -2.25, 1e300, 1e-300, 9007199254740992.0, 1e16, 1e22, -0.0,
                                HUGE_VAL, -HUGE_VAL, 123456.789, 0.1}) {
      for (const char* format : kReals) {
        INFO(format << " " << number);
        CHECK(actual(L, format, "", number) == expected(format, "", number));
      }
    }
    for (const char* format : {"{1:.2f}", "{1:g}", "{1:.3}", "{1:#}"}) {
      for (const double number : {0.0, 3.0, -7.0, 1e15})
        CHECK(actual(L, format, "", number) == expected(format, "", number));
    }
  });
  CHECK(done.has_value());
}

TEST_CASE("a field is read exactly") {
  FieldSpec field;
  std::size_t at = 1;
  constexpr std::string_view kFormat = "{name:é^+#0{}.{w}Lx} rest";
  CHECK(read_field(kFormat, at, field).what == nullptr);
  CHECK(kFormat.substr(at) == " rest");
  CHECK(field.id.name == "name");
  CHECK(field.fill == "é");
  CHECK(field.align == '^');
  CHECK(field.sign == '+');
  CHECK((field.alternate && field.zero));
  CHECK(field.width.from.kind == FieldId::Kind::Next);
  CHECK(field.precision.from.name == "w");
  CHECK(field.type == 'x');
}

}  // namespace
}  // namespace perilune::runtime
