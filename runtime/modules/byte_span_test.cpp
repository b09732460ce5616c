#include "runtime/modules/byte_span.hpp"

#include <catch2/catch.hpp>
#include <lua.hpp>
#include <optional>

#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

using test::run_script;

TEST_CASE("a byte_span has a length, a capacity and bytes") {
  CHECK(run_script(R"(
    local s = byte_span.new(3, 8)
    print(#s, s.capacity, s[1], tostring(s) == '\0\0\0')
    s[1], s[3] = 72, 33
    print(s[1], s[3], getmetatable(s), s == byte_span.append('H\0!'), s == byte_span.new(3))
    for _, bad in ipairs{0, 4, -1, 1e300, 0/0} do
      local ok, e = pcall(function() return s[bad] end)
      assert(not ok and e.code == 8)
    end
    assert(not pcall(function() s[4] = 1 end) and not pcall(function() s[1] = 256 end))
    assert(not pcall(function() return s.nothing end) and not pcall(function() s.x = 1 end))
    for _, bad in ipairs{-1, 1e18, 0/0} do assert(not pcall(byte_span.new, bad)) end
    assert(not pcall(byte_span.new, 3, 2))
  )") == "3\t8\t0\ttrue\n72\t33\tbyte_span\ttrue\tfalse\n");
}

TEST_CASE("slices share bytes and outlive what they are cut from") {
  CHECK(run_script(R"(
    local s = byte_span.append('hello world')
    local part = s:slice(7)
    s = nil
    for i = 1, 50 do collectgarbage() local _ = byte_span.new(100000) end
    print(tostring(part), #part:slice(1, 0), tostring(part:sub(2, 3)), tostring(part:first(2)), tostring(part:last(2)))
    local copy = part:slice(1, 2)
    copy[1] = 87
    print(tostring(part))
    local small = byte_span.new(2, 5)
    print(#small:slice(1, 5), pcall(small.slice, small, 1, 6))
    assert(not pcall(small.slice, small, 0) and not pcall(small.slice, small, 3, 1) and not pcall(small.first, small, 3))
    print(tostring(byte_span.append('  x y\r\n'):trimmed()), #byte_span.append('   '):trimmed(), tostring(byte_span.append('xax'):trimmed('x')))
  )") == "world\t0\tor\two\tld\nWorld\n5\tfalse\tInvalid argument\nx y\t0\ta\n");
}

TEST_CASE("append grows in place while the capacity lasts") {
  CHECK(run_script(R"(
    local s = byte_span.new(0, 4)
    local a = s:append('ab', nil, 'cd')
    print(tostring(a), a.capacity, tostring(s:slice(1, 4)))
    local b = a:append('e')
    b[1] = 88
    print(tostring(b), tostring(a), b.capacity)
    print(tostring(byte_span.append(nil, 'x', a)), #byte_span.append(), a:copy('zzzzzz'), tostring(a), tostring(a:append(a)))
    assert(not pcall(a.append, a, 5))
  )") == "abcd\t4\tabcd\nXbcde\tabcd\t8\nxabcd\t0\t4\tzzzz\tzzzzzzzz\n");
}

TEST_CASE("searching a span") {
  CHECK(run_script(R"(
    local s = byte_span.append('abcabc')
    print(s:find('bc'), s:find('bc', 3), s:find('x'), s:find('', 7), s:find('a', 8))
    print(s:rfind('bc'), s:rfind('bc', 5), s:rfind('x'), s:rfind(''))
    print(s:find_first_of('cb'), s:find_last_of('ab'), s:find_first_not_of('ab'), s:find_last_not_of('bc'))
    print(s:starts_with('ab'), s:ends_with('bc'), s:starts_with('b'), s:ends_with(byte_span.append('abcabcd')))
  )") == "2\t5\tnil\t7\tnil\n5\t2\tnil\t7\n2\t5\t3\t4\ntrue\ttrue\tfalse\tfalse\n");
}

TEST_CASE("numbers in a span") {
  CHECK(run_script(R"(
    local s = byte_span.new(8)
    s:first(2):set_u16be(258) s:slice(3, 4):set_u16le(258)
    print(s[1], s[2], s[3], s[4], s:first(2):get_u16be(), s:first(2):get_u16le())
    s:first(3):set_i24be(-2) print(s:first(3):get_i24be(), s:first(3):get_u24be())
    s:set_f64le(1.5) print(s:get_f64le())
    s:first(4):set_f32be(0.5) print(s:first(4):get_f32be(), s:first(1):get_i8())
    assert(not pcall(s.get_u16be, s) and not pcall(s:first(2).set_u16be, s:first(2), 65536))
    assert(not pcall(function() return s.get_u17be end))
    s:fill(255) assert(s:get_f64le() ~= s:get_f64le())
  )") == "1\t2\t2\t1\t258\t513\n-2\t16777214\n1.5\n0.5\t63\n");
}

TEST_CASE("a method refuses what is no byte_span") {
  CHECK(run_script(R"(
    local s = byte_span.new(1)
    for _, name in ipairs{'slice', 'copy', 'append', 'find', 'rfind', 'fill', 'first', 'trimmed', 'get_u16be'} do
      for _, wrong in ipairs{{}, print, 'x', 1} do
        if not (name == 'append' and wrong == 'x') then assert(not pcall(s[name], wrong, 'x'), name) end
      end
    end
    print 'ok'
  )") == "ok\n");
}

TEST_CASE("memory of spans counts against the VM's limit") {
  CHECK(run_script(R"(
    print(pcall(byte_span.new, 1e9))
    local ok = pcall(byte_span.new, 1e6) print(ok)
  )") == "false\tnot enough memory\ntrue\n");
}

TEST_CASE("a held span survives the script's forgetting it, a hold survives the VM") {
  std::optional<BytesHold> hold;
  {
    test::ScriptVm vm;
    const auto made = vm.vm().protect([&](lua_State* L) {
      ByteSpan* span = push_byte_span(L, 4, 4);
      span->data[0] = 'x';
      hold.emplace(L, -1);
      lua_pop(L, 1);
      lua_gc(L, LUA_GCCOLLECT, 0);
      lua_gc(L, LUA_GCCOLLECT, 0);
    });
    REQUIRE(made.has_value());
    CHECK(hold->view().substr(0, 1) == "x");
    CHECK(hold->writable().size() == 4);
  }
  hold.reset();
}

}  // namespace
}  // namespace perilune::runtime
