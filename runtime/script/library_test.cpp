#include "runtime/script/library.hpp"

#include <catch2/catch.hpp>

#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

using test::run_script;

TEST_CASE("a hosted script has the safe libraries and nothing else") {
  CHECK(run_script(R"(
    local names = {}
    for name in pairs(_G) do names[#names + 1] = name end
    for _, gone in ipairs{'io', 'jit', 'package', 'dofile', 'loadfile', 'newproxy', 'getfenv',
                          'setfenv', 'gcinfo', 'module', 'ffi'} do
      assert(rawget(_G, gone) == nil, gone)
    end
    assert(string.dump == nil)
    for name in pairs(os) do assert(name == 'time' or name == 'date' or name == 'clock' or name == 'difftime', name) end
    for name in pairs(debug) do assert(name == 'traceback', name) end
    assert(getmetatable('') == false)
    assert(not pcall(setmetatable, '', {}))
    print 'ok'
  )") == "ok\n");
}

TEST_CASE("tostring of a reference shows no address") {
  CHECK(run_script(R"(
    local t = setmetatable({}, {__tostring = function() return 'mine' end})
    print(tostring({}), tostring(print), tostring(string.sub), tostring(coroutine.create(print)))
    print(tostring(t), tostring(nil), tostring(true), tostring(1.5), t)
    print(string.format('%s %s %q %5.2f %d|%s', {}, t, 'a\nb', 1/3, 42, nil))
    print(debug.traceback('x'):find('0x') == nil)
  )") == "table\tfunction\tfunction\tthread\nmine\tnil\ttrue\t1.5\tmine\n"
         "table mine \"a\\\nb\"  0.33 42|nil\ntrue\n");
}

TEST_CASE("string.format refuses addresses and endless formats") {
  CHECK(run_script(R"(
    print(pcall(string.format, '%p', {}))
    print(pcall(string.format, ('x'):rep(4096)) == true)
    print(pcall(string.format, ('x'):rep(4097)))
    print(select(2, pcall(string.format, '%d', 'x')))
  )") == "false\tinvalid option '%p' to 'format' (addresses are not shown)\ntrue\n"
         "false\tformat string over 4096 bytes\n"
         "bad argument #2 to '?' (number expected, got string)\n");
}

TEST_CASE("callbacks of gsub, sort and tostring may suspend") {
  CHECK(run_script(R"(
    local yield = coroutine.yield
    local co = coroutine.wrap(function()
      local s, n = ('hello world'):gsub('o', function(c) return yield(c) end)
      local t = {3, 1, 2}
      table.sort(t, function(a, b) yield 'cmp' return a < b end)
      local named = setmetatable({}, {__tostring = function() return yield 'name' end})
      return s, n, table.concat(t, ','), string.format('<%s>', named)
    end)
    local log, value, s, n, sorted, text = {}, nil
    local answer
    repeat
      value, n, sorted, text = co(answer)
      answer = value == 'o' and '0' or value == 'name' and 'N' or nil
      log[#log + 1] = value
    until text
    print(value, n, sorted, text)
  )") == "hell0 w0rld\t2\t1,2,3\t<N>\n");
}

TEST_CASE("gsub takes strings, tables and functions") {
  CHECK(run_script(R"(
    print(('hello'):gsub('l', 'L'))
    print(('hello'):gsub('(h)(e)', '%2%1%0'))
    print(('hello'):gsub('l', {l = 'L'}))
    print(('hello'):gsub('', '-'))
    print(('hello'):gsub('', function() return '-' end))
    print(('hello'):gsub('l', function() end, 1))
    print(('abc'):gsub('^a', function(c) return c:upper() end))
    print(('abc'):gsub('%w', '%%%0', 2))
    print(('abc'):gsub('()', '%1'))
    print(pcall(string.gsub, 'abc', 'b', function() return {} end))
    print(pcall(function() return (('abc'):gsub('b')) end))
    print(pcall(string.gsub, 'abc', '(b', '%1'))
    print(pcall(string.gsub, 'abc', 'b', '%2'))
  )") == "heLLo\t2\nehhello\t1\nheLLo\t2\n-h-e-l-l-o-\t6\n-h-e-l-l-o-\t6\nhello\t1\nAbc\t1\n"
         "%a%bc\t2\n1a2b3c4\t4\nfalse\tinvalid replacement value (a table)\n"
         "false\tmain.lua:12: bad argument #2 to 'gsub' (string/function/table expected, got nil)\n"
         "false\tunfinished capture\nfalse\tinvalid capture index\n");
}

TEST_CASE("table.sort sorts numbers, strings, and what has a comparator") {
  CHECK(run_script(R"(
    local function check(t, less)
      table.sort(t, less)
      less = less or function(a, b) return a < b end
      for i = 2, #t do assert(not less(t[i], t[i - 1])) end
    end
    for _, n in ipairs{0, 1, 2, 3, 10, 11, 12, 13, 100, 1000} do
      local numbers, texts, objects, same, order = {}, {}, {}, {}, {}
      local mt = {__lt = function(a, b) return a.n < b.n end}
      for i = 1, n do
        numbers[i] = math.random(1000)
        texts[i] = tostring(math.random(1000)) .. ('\0'):rep(math.random(3))
        objects[i] = setmetatable({n = math.random(50)}, mt)
        same[i], order[i] = 7, i
      end
      local sum = 0
      for i = 1, n do sum = sum + numbers[i] end
      check(numbers) check(texts) check(objects) check(same) check(order)
      check(numbers, function(a, b) return a > b end)
      check(objects, function(a, b) return a.n > b.n end)
      for i = 1, n do sum = sum - numbers[i] end
      assert(sum == 0)
    end
    print(select(2, pcall(table.sort, {1, 'x', 2})):match('attempt.*'))
    print(pcall(function() return (table.sort()) end))
    print(pcall(table.sort, {1, 2}, 3))
    local nan = {3, 0/0, 1} pcall(table.sort, nan) print(#nan)
    local t = {} for i = 1, 1000 do t[i] = i end
    print(pcall(table.sort, t, function() return true end))
    local seen = {} for _, v in ipairs(t) do seen[v] = true end print(#seen)
  )") == "attempt to compare string with number\n"
         "false\tmain.lua:25: bad argument #1 to 'sort' (table expected, got nil)\n"
         "false\tbad argument #2 to 'sort' (function expected, got number)\n3\n"
         "false\tinvalid order function for sorting\n1000\n");
}

TEST_CASE("load takes text, not bytecode, and compiles into the module's globals") {
  CHECK(run_script(R"(
    x = 5
    print(load('return x')(), loadstring('x = 6; return x')(), x)
    print(load(function() return nil end))
    local parts = {'return ', '1 + ', '2'}
    local i = 0
    print(load(function() i = i + 1 return parts[i] end)())
    print(load('return y', 'name', 't', {y = 'env'})())
    print(load('\27LJ\2'))
    print(load('return 1', 'n', 'b'))
    print(load('x ='))
    print(load('x =', '@a\nb.lua'))
    print(pcall(function() return (load()) end))
    print(load(('x'):rep(256 * 1024 + 1)))
    print((load('return 1' .. (' '):rep(256 * 1024 - 8))()))
    print(load('return _G')() == _G)
  )") == "5\t6\t6\nfunction\n3\nenv\nnil\tbytecode is not accepted\n"
         "nil\tattempt to load chunk with wrong mode\n"
         "nil\t(load):1: unexpected symbol near '<eof>'\n"
         "nil\ta?b.lua:1: unexpected symbol near '<eof>'\n"
         "false\tmain.lua:13: bad argument #1 to 'load' (string expected, got nil)\n"
         "nil\tchunk too large (limit: 256 KiB)\n1\ntrue\n");
}

TEST_CASE("two VMs with different seeds draw different numbers, with the same seed the same") {
  const auto draw = [](std::uint64_t low, std::uint64_t high) {
    VmConfig config;
    config.seed_low = low;
    config.seed_high = high;
    return test::ScriptVm{config}.run("print(math.random(1e9), math.random(1e9))");
  };
  CHECK(draw(1, 2) == draw(1, 2));
  CHECK(draw(1, 2) != draw(2, 2));
  CHECK(draw(1, 2) != draw(1, 3));
  CHECK(run_script("math.randomseed(7) local a = math.random() math.randomseed(7) "
                   "print(a == math.random())") == "true\n");
}

TEST_CASE("collectgarbage counts and steps, and has no other levers") {
  CHECK(run_script(R"(
    print(collectgarbage('count') > 10, type(collectgarbage('step')), collectgarbage())
    print(pcall(collectgarbage, 'stop'))
  )") == "true\tboolean\t0\nfalse\tbad argument #1 to '?' (invalid option 'stop')\n");
}

TEST_CASE("the engine has the whole language") {
  VmConfig config;
  config.profile = Profile::Engine;
  test::ScriptVm vm{config};
  CHECK(vm.run(R"(
    assert(io.open and os.getenv and debug.getinfo and string.dump and getfenv and jit.version)
    assert(require 'string.buffer' and require 'table.new')
    assert(load(string.dump(function() return 7 end))() == 7)
    assert(tostring({}):match '^table: 0x')
  )")
            .empty());
}

}  // namespace
}  // namespace perilune::runtime
