#include "runtime/modules/regex.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <string>

#include "runtime/vm/slice_timer.hpp"
#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

using namespace std::chrono_literals;
using test::run_script;

TEST_CASE("the memory of a regex is its VM's, and comes back with it") {
  CHECK(run_script(R"(
    local regex = require 'regex'
    local limits = require 'perilune'.limits
    local function used() return limits().memory.used end
    local before = used()
    local kept = regex.new{pattern = 'a'}
    local one = used() - before
    assert(one > 120 * 1024 and one < 140 * 1024, one)  -- less what was collected meanwhile
    local big = regex.new{pattern = 'b', optimize = true}
    assert(used() - before > 1100 * 1024)
    kept, big = nil, nil
    -- Far more than fit at once: what is garbage is found.
    for i = 1, 2000 do regex.new{pattern = 'x' .. i} end
    local all = {}
    local ok, e = pcall(function() for i = 1, 5000 do all[i] = regex.new{pattern = 'y'} end end)
    print(ok, e, #all > 50)
    all = nil
    print(regex.match(regex.new{pattern = 'z'}, 'z'))
  )") == "false\tnot enough memory\ttrue\nz\n");
}

TEST_CASE("a hosted VM refuses a subject that would hold the thread") {
  CHECK(run_script(R"(
    local regex = require 'regex'
    local re = regex.new{pattern = [[[\s\S]*x]]}
    local ok, e = pcall(regex.search, re, ('a'):rep(1000000))
    print(ok, e.code == require 'generic_error'.EMSGSIZE.code, e.used)
    assert(regex.search(re, ('a'):rep(e.limit)).empty)
    assert(not pcall(regex.match, re, ('a'):rep(e.limit + 1)))
    -- what can be cut has no limit
    local lines = ('word=value; '):rep(100000)
    print(#regex.split(regex.new{pattern = '; '}, lines))
    print(regex.search(regex.new{pattern = [[.*x]]}, ('a\n'):rep(500000) .. 'x')[0].start)
  )") == "false\ttrue\t1000000\n100001\n1000001\n");
}

TEST_CASE("the CPU limit holds in the worst searches") {
  for (const char* script : {
           "while true do pcall(regex.search, re('(a?){900}a{900}b'), ('a'):rep(200)) end",
           "local r = re('[ab]*a[ab]{12}c') local s = ('ab'):rep(20000) while true do "
           "regex.search(r, s) end",
           "local r = re('(.*)(.*)(.*)b$') while true do pcall(regex.search, r, "
           "('a'):rep(30000)) end",
           "while true do pcall(re, ('a?'):rep(2000)) end",
           "local r = re('a.*z|a') local s = ('a'):rep(40000) while true do regex.split(r, s) end",
       }) {
    Invocation::Config budget;
    budget.cpu_soft = 60ms;
    budget.cpu_hard = 400ms;
    Invocation invocation{budget};
    test::ScriptVm vm;
    auto timer = SliceTimer::create(10ms).value();
    timer.arm();
    const std::string source =
        "local regex = require 'regex'\n"
        "local function re(p) return regex.new{pattern = p} end\n";
    INFO(script);
    CHECK(vm.run(source + script, &invocation).find("cpu_limit") != std::string::npos);
    CHECK(vm.vm().death() == Outcome::Ok);
    CHECK(invocation.cpu() < 250ms);  // budget 60, grace 5, a search 10; the rest for sanitizers
    if (invocation.cpu() > 90ms)
      WARN(script << ": " << invocation.cpu().count() / 1000000 << " ms");
  }
}

TEST_CASE("a bad option is named") {
  CHECK(
      run_script(R"(
    local regex = require 'regex'
    local function try(options)
      local ok, e = pcall(regex.new, options)
      assert(not ok)
      print(type(e) == 'table' and e.arg or e)
    end
    try{} try{pattern = 1} try{pattern = 'a', grammar = 'perl'} try{pattern = 'a', grammar = 1}
    try{pattern = 'a', ignore_case = 1} try{pattern = 'a', nosubs = 'x'}
    try{pattern = 'a', optimize = {}} try{pattern = 'a', ignorecase = true} try{'a'} try{pattern = 'a)'}
    assert(not pcall(regex.new) and not pcall(regex.new, 'a'))
    local re = regex.new{pattern = 'a'}
    for _, f in ipairs{'match', 'search', 'split', 'patsplit'} do
      assert(not pcall(regex[f]) and not pcall(regex[f], re) and not pcall(regex[f], 'a', 'a'))
      assert(not pcall(regex[f], re, 1) and not pcall(regex[f], re, {}))
    end
    assert(not pcall(function() return re.flags end) and not pcall(function() re.grammar = 'ecma' end))
    print(getmetatable(re))
  )") ==
      "pattern\npattern\ngrammar\ngrammar\nignore_case\nnosubs\noptimize\nignorecase\n1\npattern\n"
      "regex\n");
}

}  // namespace
}  // namespace perilune::runtime
