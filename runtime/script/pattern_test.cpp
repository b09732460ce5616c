#include "runtime/script/pattern.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <lua.hpp>
#include <string>
#include <string_view>

#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

using test::run_script;

/// The engine keeps the stock functions under no name, so the reference runs in a plain state.
TEST_CASE("find, match, gmatch and gsub give what LuaJIT's own give, on 20,000 random cases") {
  // Generates the same cases on both sides and returns a digest and, per case, its result.
  static constexpr const char* kCases = R"(
    local state = ...
    local function random(n)
      state = (state * 69069 + 1) % 4294967296
      return math.floor(state / 65536) % n + 1
    end
    local atoms = {'a', 'b', 'c', '.', '%a', '%d', '%s', '%w', '%W', '%u', '[ab]', '[^a]', '[a-c]',
                   '[%d_]', '[]a]', '[a-]', '%.', '%%', '()', '(a)', '(%w+)', '(.-)', '(b*)', '%b()',
                   '%f[%w]', '%f[^a]', '%1', '^', '$', ' ', '-', '[^%s]', '((a)b)', '(', ')', '[', '%'}
    local suffixes = {'', '', '', '*', '+', '-', '?'}
    local letters = {'a', 'b', 'c', 'A', '1', ' ', '.', '(', ')', '_', '%', '-', 'aa', 'abc'}
    local out = {}
    local function show(...)
      local t = {...}
      for i = 1, select('#', ...) do t[i] = tostring(t[i]) end
      return (table.concat(t, ','):gsub('^[^,]*main.lua:%d+: ', ''))
    end
    local results = {}
    for case = 1, 4000 do
      local p, s = {}, {}
      for i = 1, random(5) do p[i] = atoms[random(#atoms)] .. suffixes[random(#suffixes)] end
      for i = 1, random(12) do s[i] = letters[random(#letters)] end
      p, s = table.concat(p), table.concat(s)
      local init = random(14) - 5
      local each = {}
      local ok, err = pcall(function() for a, b in string.gmatch(s, p) do each[#each + 1] = show(a, b) end end)
      results[case] = table.concat({p, s, tostring(init),
        show(pcall(string.find, s, p, init)), show(pcall(string.match, s, p, init)),
        table.concat(each, ';') .. tostring(ok) .. tostring(err),
        show(pcall(string.gsub, s, p, '<%0%1>')), show(pcall(string.gsub, s, p, function(x) return x ~= 'a' and '[' .. tostring(x) .. ']' end, random(3))),
        show(pcall(string.find, s, p, init, true))}, '\1')
    end
    return results
  )";
  test::ScriptVm ours;
  lua_State* reference = luaL_newstate();
  luaL_openlibs(reference);
  std::size_t compared = 0;
  for (int seed = 1; seed <= 5; ++seed) {
    const auto results = [seed](lua_State* L) {
      REQUIRE(luaL_loadbuffer(L, kCases, std::string_view{kCases}.size(), "=main.lua") == 0);
      lua_pushinteger(L, seed);
      lua_call(L, 1, 1);
    };
    results(reference);
    const auto done = ours.vm().protect([&](lua_State* L) {
      results(L);
      for (int i = 1; i <= 4000; ++i) {
        lua_rawgeti(reference, -1, i);
        lua_rawgeti(L, -1, i);
        const std::string wanted = lua_tostring(reference, -1);
        const std::string got = lua_tostring(L, -1);
        lua_pop(reference, 1);
        lua_pop(L, 1);
        if (wanted != got) FAIL_CHECK("wanted " << wanted << "\n   got " << got);
        ++compared;
      }
    });
    REQUIRE(done.has_value());
  }
  lua_close(reference);
  CHECK(compared == 20000);
}

TEST_CASE("a pattern of exponential cost ends with an error instead of never") {
  const auto start = std::chrono::steady_clock::now();
  CHECK(run_script(R"(
    print(pcall(string.find, ('a'):rep(40), ('a*'):rep(40) .. 'b'))
    print(pcall(string.gsub, ('a'):rep(40), ('a-'):rep(40) .. 'b', print))
  )") == "false\tpattern too complex\nfalse\tpattern too complex\n");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{10});
}

TEST_CASE("a long subject with a simple pattern is no attack") {
  CHECK(run_script(R"(
    local s = ('x'):rep(1e6) .. 'y'
    print(s:find('.*y'), s:find('.-y'), s:find('y', 1, true), #s:gsub('x', 'z'))
    print(select(2, s:gsub('', '')), s:match('^(x+)y$') == ('x'):rep(1e6))
  )") == "1\t1\t1000001\t1000001\n1000002\ttrue\n");
}

TEST_CASE("200 nested items are the limit of a pattern") {
  CHECK(run_script(R"(
    print(pcall(string.find, 'a', ('a?'):rep(190)) == true)
    print(select(2, pcall(string.find, ('a'):rep(300), ('a?'):rep(250))))
    print(select(2, pcall(string.find, 'a', ('()'):rep(33))))
  )") == "true\npattern too complex\ntoo many captures\n");
}

TEST_CASE("patterns and subjects may contain zeros") {
  CHECK(run_script(
            R"(print(('a\0b'):find('\0b'), ('a\0b'):match('%z(b)'), ('a\0b'):find('[\0]')))") ==
        "2\tb\t2\t2\n");
}

TEST_CASE("a condemned invocation leaves the matcher and the sort at once") {
  for (const char* program : {"return (('a'):rep(60)):find(('a*'):rep(60) .. 'b')",
                              "local t = {} for i = 1, 2e5 do t[i] = (i * 7919) % 200003 end "
                              "table.sort(t) print 'sorted'"}) {
    Invocation invocation{{}};
    invocation.condemn(Outcome::CpuLimit);
    test::ScriptVm vm;
    const std::string text = vm.run(program, &invocation);
    CHECK(text.find("error") == 0);
    CHECK(text.find("too complex") == std::string::npos);
  }
}

}  // namespace
}  // namespace perilune::runtime
