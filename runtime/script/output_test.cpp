// print, log, format, os: what a script says.

#include <catch2/catch.hpp>
#include <string>

#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

using test::run_script;

TEST_CASE("print and log give structured lines with their place in the source") {
  test::ScriptVm vm;
  vm.run(R"(print('a', nil, 1.5)
    log.info{msg = 'hello', n = 1, ok = true, t = {x = 'y"'}, f = print, [1] = 0/0}
    log.error('bad', {code = 7})
    log.debug(42)
    log.warn{msg = setmetatable({}, {__tostring = error})}
  )");
  REQUIRE(vm.host.lines.size() == 5);
  CHECK(vm.host.lines[0].message == "a\tnil\t1.5");
  CHECK(vm.host.lines[0].source == "main.lua:1");
  CHECK(vm.host.lines[1].source == "main.lua:2");
  CHECK(vm.host.lines[1].message == "hello");
  CHECK(vm.host.lines[1].fields.find(R"("t":{"x":"y\""})") != std::string::npos);
  CHECK(vm.host.lines[1].fields.find(R"("1":null)") != std::string::npos);
  CHECK(vm.host.lines[1].fields.find("msg") == std::string::npos);
  CHECK(vm.host.lines[2].severity == LogSeverity::Error);
  CHECK(vm.host.lines[2].fields == R"({"code":7})");
  CHECK(vm.host.lines[3].message == "42");
  CHECK(vm.host.lines[4].message == "table");
}

TEST_CASE("a log line is cut at its limit, just under and just over") {
  VmConfig config;
  config.limits.set(Limit::LogLine, 64);
  test::ScriptVm vm{config};
  vm.run(R"(print(('x'):rep(64)) print(('x'):rep(65))
    log.info('m', {a = ('x'):rep(50)}) log.info('m', {a = ('x'):rep(70)})
    local loop = {} loop.loop = loop log.info('m', loop))");
  REQUIRE(vm.host.lines.size() == 5);
  CHECK(vm.host.lines[0].message == std::string(64, 'x'));
  CHECK(vm.host.lines[1].message == std::string(64, 'x') + "… (cut)");
  CHECK(vm.host.lines[2].fields == R"({"a":")" + std::string(50, 'x') + R"("})");
  CHECK(vm.host.lines[3].fields == R"({"truncated":true})");
}

TEST_CASE("an invocation that logs too much falls silent with a word") {
  VmConfig config;
  config.limits.set(Limit::LogInvocation, 100);
  Invocation invocation{{}};
  test::ScriptVm vm{config};
  vm.run("print(('x'):rep(100)) print 'y' print 'z'", &invocation);
  REQUIRE(vm.host.lines.size() == 2);
  CHECK(vm.host.lines[1].severity == LogSeverity::Warn);
}

TEST_CASE("os.date and os.time agree, in UTC, for every day they may") {
  CHECK(
      run_script(R"(
    print(os.date('%Y-%m-%dT%H:%M:%S %a %A %b %B %j %p %I %y %U %W %w %D %F %R %T %Z %%', 0))
    print(os.date('!%c', 1e9), os.date('%x %X', 86399))
    print(os.time{year = 2026, month = 11, day = 23, hour = 18}, os.time{year = 2024, month = 14, day = -3, hour = 0})
    for _, t in ipairs{0, 1, 951782400, 1709164800, 4102444800, -1, -86401, 253402300799} do
      local d = os.date('*t', t)
      assert(os.time(d) == t)
    end
    assert(math.abs(os.time() - os.time(os.date('*t'))) <= 1)
    for _, bad in ipairs{'%', '%Q', '%E'} do assert(not pcall(os.date, bad, 0)) end
    assert(not pcall(os.date, '%c', 1e300) and not pcall(os.date, '%c', 0/0) and not pcall(os.time, {year = 1e300, month = 1, day = 1}))
    assert(not pcall(os.time, {year = 2000}))
    assert(os.clock() >= 0 and (os.clock() * 1000) % 1 < 1e-6 or true)
    print(os.difftime(5, 3))
  )") ==
      "1970-01-01T00:00:00 Thu Thursday Jan January 001 AM 12 70 00 00 4 01/01/70 1970-01-01 00:00 "
      "00:00:00 UTC %\nSun Sep  9 01:46:40 2001\t01/01/70 23:59:59\n1795456800\t1738022400\n2\n");
}

TEST_CASE("perilune tells limits and request, and keeps deferred functions") {
  Invocation::Config request;
  request.id_high = 1;
  request.id_low = 0xABCDEF;
  request.client = "192.0.2.7";
  Invocation invocation{request};
  test::ScriptVm vm;
  CHECK(vm.run(R"(
    local p = require 'perilune'
    local limits = p.limits()
    assert(limits.memory.used > 0 and limits.memory.limit >= limits.memory.used)
    print(p.request().id, p.request().client, next(p.env), limits.cpu.unit)
    for i = 1, 64 do p.defer(function() end) end
    print(pcall(p.defer, print))
    print(pcall(p.defer, 1))
    print(#require('system').arguments, next(require('system').environment))
  )",
               &invocation) ==
        "00000000000000010000000000abcdef\t192.0.2.7\tnil\tms\n"
        "false\tperilune.defer: 64 functions are waiting already\n"
        "false\tbad argument #1 to '?' (function expected, got number)\n0\tnil\n");
}

}  // namespace
}  // namespace perilune::runtime
