#include "runtime/script/modules.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/script/module_path.hpp"
#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

std::string run_files(std::map<std::string, std::string> files, std::string_view source) {
  test::ScriptVm vm;
  vm.host.files = std::move(files);
  return vm.run(source);
}

std::string located(std::string_view name, std::string_view from, ModuleKind kind) {
  const auto found = locate_module(name, from, kind);
  if (const auto* code = std::get_if<CoreError>(&found))
    return "error " + std::to_string(static_cast<int>(*code));
  return std::get<std::string>(found);
}

TEST_CASE("names mean files relative to the importing module") {
  constexpr auto kStart = ModuleKind::Start;
  constexpr auto kInit = ModuleKind::Init;
  constexpr auto kLeaf = ModuleKind::Leaf;
  CHECK(located("./x", "main", kStart) == "x");
  CHECK(located("./a/b", "main", kStart) == "a/b");
  CHECK(located("../x", "main", kStart) == "error 3");
  CHECK(located("./x", "lib", kInit) == "lib/x");
  CHECK(located("../x", "lib", kInit) == "x");
  CHECK(located("../x", "lib/a", kLeaf) == "lib/x");
  CHECK(located("../../x", "lib/a", kLeaf) == "x");
  CHECK(located("../../../x", "lib/a", kLeaf) == "error 3");
  CHECK(located("./x", "lib/a", kLeaf) == "error 5");
  CHECK(located("/a/b", "lib/a", kLeaf) == "a/b");
  CHECK(located("plain", "main", kStart) == "error 2");
  for (const char* bad : {"", ".", "..", "./", "../", "/", "//a", "./a//b", "./a.lua", "./1a",
                          "./a-b", "./a/../b", "a/../../b", "./a\\b", "/etc/pass wd"})
    CHECK(located(bad, "lib/a", kInit) == "error 1");
  CHECK(located("./" + std::string(253, 'a'), "main", kStart) == std::string(253, 'a'));
  CHECK(located("./" + std::string(254, 'a'), "main", kStart) == "error 1");
  CHECK(located(std::string_view{"./a\0b", 5}, "main", kStart) == "error 1");
  CHECK(module_id("lib/x.lua") == "lib/x");
  CHECK(module_id("lib/init.lua") == "lib");
}

TEST_CASE("a module's globals are its exports, and each file runs once") {
  CHECK(run_files({{"lib/init.lua",
                    "print 'once' function greet() return 'hi ' .. name end name = 'lib'"},
                   {"lib/part.lua", "value = require('../other').value + 1"},
                   {"lib/other.lua", "value = 41"}},
                  R"(
    local lib = require './lib'
    print(lib.greet(), require('/lib') == lib, greet, lib._FILE, lib._CONTEXT, _FILE, _CONTEXT)
    print(require('./lib/part').value, lib._G == lib, lib.string == string)
  )") == "once\nhi lib\ttrue\tnil\tlib/init.lua\t\tmain.lua\tmain\n42\ttrue\ttrue\n");
}

TEST_CASE("a module that returns a table or function gives that") {
  CHECK(run_files({{"t.lua", "return {x = 1}"}, {"f.lua", "return function() return 2 end"}},
                  "print(require('./t').x, require('./f')())") == "1\t2\n");
}

TEST_CASE("imports that fail say what was looked for") {
  CHECK(run_files({{"a.lua", "require '../b'"},
                   {"b.lua", "require '../a'"},
                   {"bad.lua", "x ="},
                   {"dies.lua", "error('boom')"},
                   {"child.lua", "require './x'"}},
                  R"(
    local function try(name)
      local ok, e = pcall(require, name)
      if type(e) == 'table' then
        print(e.code, tostring(e.category), e.module, e)
      else
        print(ok, e)
      end
    end
    try './missing' try 'missing' try './a' try './bad' try './dies' try './dies' try '/main'
    try './child' try '../x' try 'a b'
  )") ==
        "2\temilua.core\t./missing\tmodule not found: './missing' (looked for missing.lua and "
        "missing/init.lua)\n"
        "2\temilua.core\tmissing\tmodule not found: no built-in module is called 'missing'; a file "
        "of the app is imported as './missing' or '/missing'\n"
        "4\temilua.core\t../a\tcyclic import: '../a' is still being loaded by this chain of "
        "imports\n"
        "false\tbad.lua:1: unexpected symbol near '<eof>'\n"
        "false\tdies.lua:1: boom\nfalse\tdies.lua:1: boom\n"
        "4\temilua.core\t/main\tcyclic import: '/main' is still being loaded by this chain of "
        "imports\n"
        "5\temilua.core\t./x\t'./x': only an init.lua or the start file has children; write '../' "
        "for a file beside this one, or '/' from the root\n"
        "3\temilua.core\t../x\t'../x' lies above the root of the program or package\n"
        "1\temilua.core\ta b\tinvalid module name 'a b': components are letters, digits and '_', "
        "without an ending\n");
}

TEST_CASE("what ends one request's import is not the error of another that waits for it") {
  test::ScriptVm script;
  script.host.files = {{"slow.lua", "print 'body' require('sleep_for')(20) value = 42"}};
  CHECK(script.run("return function() print('got', require('./slow').value) end").empty());
  Vm& vm = script.vm();
  Invocation first{{}};
  Invocation second{{}};
  std::vector<std::string> ends;
  const auto request = [&](Invocation& invocation) {
    REQUIRE(vm.protect([&](lua_State* L) {
                vm.push_handler(L);
                vm.spawn(L, 0, &invocation,
                         [&](const std::string* e) { ends.push_back(e ? *e : "fine"); });
              }).has_value());
    CHECK(vm.run() == Vm::RunState::Idle);
  };
  request(first);
  request(second);
  vm.condemn(first, Outcome::WallLimit);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (ends.size() < 2 && std::chrono::steady_clock::now() < deadline)
    CHECK(vm.run() != Vm::RunState::Dead);
  REQUIRE(ends.size() == 2);
  CHECK(ends[0].find("wall_limit") != std::string::npos);
  CHECK(ends[1] == "fine");
  REQUIRE(script.host.lines.size() == 3);
  CHECK(script.host.lines[1].message == "body");
  CHECK(script.host.lines[2].message == "got\t42");
}

TEST_CASE("a module's body may suspend, and built-in names come first") {
  CHECK(run_files({{"slow.lua", "value = coroutine.yield('waiting')"}}, R"(
    local co = coroutine.wrap(function() return require('./slow').value end)
    print(co(), co('done'))
    print(require('bit').bor(1, 2), require('log') == log, require('byte_span') == byte_span)
    print(pcall(require, 'ffi') or pcall(require, 'jit') or pcall(require, 'string.buffer'))
  )") == "waiting\tdone\n3\ttrue\ttrue\nfalse\n");
}

TEST_CASE("a file may begin with a byte-order mark or #!, but not with bytecode") {
  CHECK(run_files({{"bom.lua", "\xEF\xBB\xBFv = 1"},
                   {"she.lua", "#!/usr/bin/lua\nerror('line 2')"},
                   {"code.lua", "\x1BLJ"}},
                  R"(
    print(require('./bom').v)
    print(select(2, pcall(require, './she')))
    print(select(2, pcall(require, './code')))
  )") == "1\nshe.lua:2: line 2\ncode.lua:1: bytecode is not accepted, only source text\n");
}

TEST_CASE("the start file's folder is the root, its syntax errors have file and line") {
  test::ScriptVm vm;
  CHECK(vm.run("x = 1\ny = = 2").find("error: main.lua:2: ") == 0);
}

}  // namespace
}  // namespace perilune::runtime
