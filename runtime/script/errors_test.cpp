#include "runtime/script/errors.hpp"

#include <catch2/catch.hpp>
#include <lua.hpp>
#include <string>

#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

using test::run_script;

TEST_CASE("an error code has code, category and message, and compares by both") {
  CHECK(run_script(R"(
    local g, a = require 'generic_error', require 'asio_error'
    local e = g.EINVAL
    print(e.code, tostring(e.category), e.category:message(e.code), e, getmetatable(e))
    print(e == g.EINVAL, e == g.EPERM, rawequal(e, g.EINVAL), 'why: ' .. e)
    print(a.basic.connection_refused:togeneric() == g.ECONNREFUSED, a.basic.connection_refused == g.ECONNREFUSED)
    print(a.misc.eof, tostring(a.misc.eof.category), a.netdb.host_not_found, a.misc.eof == a.netdb.host_not_found_try_again)
    print(pcall(error, a.misc.eof))
    local ok, bad = pcall(function() return g.NOPE end)
    print(bad, bad.index, pcall(function() g.X = 1 end))
    print(e.category == g.EPERM.category, pcall(e.category.message, {}, 1))
  )") == "22\tgeneric\tInvalid argument\tInvalid argument\terror_code\n"
         "true\tfalse\tfalse\twhy: Invalid argument\ntrue\tfalse\n"
         "End of file\tasio.misc\tHost not found (authoritative)\tfalse\nfalse\tEnd of file\n"
         "Requested key wasn't found in the table/userdata\tNOPE\tfalse\tOperation not permitted\n"
         "true\tfalse\tmain.lua:11: bad argument #1 to '?' (error_category expected, got table)\n");
}

TEST_CASE("C++ raises codes with fields, and recognises its own") {
  test::ScriptVm vm;
  const auto done = vm.vm().protect([](lua_State* L) {
    push_limit(L, Limit::Fibers, 101, 100);
    CHECK(is_code(L, -1, kPeriluneCategory, 16));
    CHECK_FALSE(is_code(L, -1, kPeriluneCategory, 8));
    CHECK_FALSE(is_code(L, -1, kGenericCategory, 16));
    lua_getfield(L, -1, "limit");
    CHECK(lua_tonumber(L, -1) == 100);
    lua_getfield(L, -2, "used");
    CHECK(lua_tonumber(L, -1) == 101);
    lua_getfield(L, -3, "unit");
    CHECK(std::string{lua_tostring(L, -1)} == "count");
    lua_pop(L, 4);
    lua_newtable(L);
    CHECK_FALSE(is_code(L, -1, kPeriluneCategory, 16));
    lua_pop(L, 1);
  });
  CHECK(done.has_value());
}

}  // namespace
}  // namespace perilune::runtime
