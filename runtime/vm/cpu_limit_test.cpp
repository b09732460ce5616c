#include <catch2/catch.hpp>

#include <lua.hpp>
#include <string_view>

#include "runtime/vm/vm_fixture.hpp"

using namespace perilune::runtime;
using namespace perilune::runtime::testing;
using namespace std::chrono_literals;
using perilune::Limit;
using perilune::Outcome;

namespace {

struct Attack {
  const char* name;
  const char* source;
};

constexpr Attack kAttacks[] = {
    {"loop", "while true do end"},
    {"pcall loop", "while true do pcall(function() while true do end end) end"},
    {"nested pcall loop",
     "local function f() while true do pcall(function() while true do end end) end end "
     "while true do pcall(f) end"},
    {"coroutine loop",
     "while true do coroutine.resume(coroutine.create(function() while true do end end)) end"},
    {"xpcall handler",
     "local function h() while true do end end while true do xpcall(function() "
     "while true do end end, h) end"},
    {"xpcall handler of an ordinary error",
     "xpcall(function() error('x') end, function() while true do end end) while true do end"},
    {"gsub callback",
     "while true do pcall(string.gsub, 'abc', '.', function() while true do end end) end"},
    {"sort callback",
     "while true do pcall(table.sort, {3, 2, 1}, function(a, b) while true do end end) end"},
    {"metamethod",
     "local t = setmetatable({}, {__index = function() while true do end end}) while "
     "true do pcall(function() return t.x end) end"},
    {"yield loop", "while true do pcall(this_fiber.yield) end"},
    {"spawn tree", "local function f() while true do spawn(f) pcall(this_fiber.yield) end end f()"},
    {"sleepers",
     "for i = 1, 50 do spawn(function() while true do pcall(require('sleep_for'), 1e6) "
     "end end) end while true do end"},
};

Invocation::Config budget() {
  Invocation::Config config;
  config.cpu_soft = 100ms;
  config.cpu_hard = 250ms;
  return config;
}

}  // namespace

TEST_CASE("no script outlives its CPU budget, with the JIT off and on") {
  for (const bool jit : {false, true}) {
    for (const Attack& attack : kAttacks) {
      INFO(attack.name << (jit ? ", JIT on" : ", JIT off"));
      Script script{with(Limit::Fibers, 2000, jit)};
      Invocation invocation{budget()};
      bool ended = false;
      invocation.on_last_fiber = [&](Invocation&) { ended = true; };
      std::string error;
      const auto cpu = cpu_of([&] { error = script.run(attack.source, &invocation); });
      CHECK(error.find("cpu_limit") != std::string::npos);
      CHECK(invocation.verdict() == Outcome::CpuLimit);
      CHECK(ended);
      CHECK(script.vm->death() == Outcome::Ok);
      CHECK(cpu.count() >= 98);
#if defined(PERILUNE_SANITIZED)
      CHECK(cpu.count() <= 250);
#else
      // Two thousand fibers take a while to unwind; a plain loop does not.
      CHECK(cpu.count() <= (std::string_view{attack.name} == "spawn tree" ? 130 : 115));
#endif
      // The VM is as good as before.
      REQUIRE(script.vm
                  ->start("local n = 0 for i = 1, 1e5 do n = n + 1 end return function() end",
                          "again.lua", nullptr)
                  .has_value());
      script.finish();
      CHECK(script.vm->has_handler());
    }
  }
}

TEST_CASE("the error of the CPU budget can be caught once and leaves time for an answer") {
  Script script;
  Invocation invocation{budget()};
  CHECK(script.run(R"(
    local ok, e = pcall(function() while true do end end)
    assert(not ok and tostring(e):find('cpu_limit: '))
    this_fiber.yield()
    local s = 0 for i = 1, 1000 do s = s + i end
  )",
                   &invocation) == "");
  CHECK(invocation.over_cpu());
  CHECK(invocation.verdict() == Outcome::Ok);
  CHECK(invocation.cpu() >= 100ms);
}

TEST_CASE("the error of the CPU budget and its traceback say where it was") {
  for (const bool jit : {false, true}) {
    VmConfig config;
    config.jit = jit;
    Script script{config};
    Invocation invocation{budget()};
    const auto error =
        script.run("local function spin()\n  while true do end\nend\nspin()", &invocation);
    CHECK(error.find("'main.lua:2: cpu_limit: ") != std::string::npos);
    CHECK(error.find(" ms of CPU used, limit 100 ms'") != std::string::npos);
    CHECK(error.find("\n\tmain.lua:2: in function 'spin'\n\tmain.lua:4: in main chunk") !=
          std::string::npos);
    // Condemned: the error is but a name then.
    Script stubborn{config};
    Invocation other{budget()};
    const auto again = stubborn.run(
        "local function spin()\n  while true do end\nend\n"
        "for i = 1, 2 do pcall(spin) end\nwhile true do end",
        &other);
    INFO(again);
    const auto at = again.find("'cpu_limit'\nstack traceback:\n\tmain.lua:");
    REQUIRE(at != std::string::npos);
    CHECK(again.substr(again.find("main.lua:", at) + 10).starts_with(": in main chunk"));
  }
}

TEST_CASE("a traceback shows the line of an instruction's error and no function of ours") {
  Script script;
  const auto error = script.run(
      "local function f()\n  local x\n  return pcall(error) and x.y\nend\n"
      "pcall(function() end)\nlocal function g() return x.y end\nlocal n = 1\n  n.x.y = 1");
  CHECK(error.find("'main.lua:8: attempt to index") != std::string::npos);
  CHECK(error.find("\n\tmain.lua:8: in main chunk") != std::string::npos);
  const auto inner =
      script.run("local time = require('time')\npcall(time.sleep, 0)\ntime.sleep({})");
  const auto trace = inner.find("stack traceback:");
  REQUIRE(trace != std::string::npos);
  CHECK(inner.find("perilune", trace) == std::string::npos);
  CHECK(inner.find("main.lua:3: in main chunk", trace) != std::string::npos);
}

TEST_CASE("below its budget a script is not disturbed") {
  Script script;
  auto config = budget();
  config.cpu_soft = 400ms;
  Invocation invocation{config};
  CHECK(script.run("local n = 0 for i = 1, 2e6 do n = n + i % 7 end", &invocation) == "");
  CHECK(invocation.verdict() == Outcome::Ok);
  CHECK_FALSE(invocation.over_cpu());
  CHECK(invocation.cpu() > 1ms);
}

TEST_CASE("only the guilty invocation ends") {
  Script script;
  REQUIRE(script.run("function work() local n = 0 for i = 1, 5 do this_fiber.yield() n = n + 1 end "
                     "done = n end function burn() while true do this_fiber.yield() end end "
                     "return {http = work, burn = burn}") == "");
  Invocation good{budget()};
  Invocation bad{budget()};
  std::string good_error = "-";
  std::string bad_error = "-";
  REQUIRE(
      script.vm
          ->protect([&](lua_State* L) {
            script.vm->push_handler(L);
            lua_getfield(L, -1, "burn");
            lua_remove(L, -2);
            script.vm->spawn(L, 0, &bad, [&](const std::string* e) { bad_error = e ? *e : ""; });
            script.vm->push_handler(L);
            lua_getfield(L, -1, "http");
            lua_remove(L, -2);
            script.vm->spawn(L, 0, &good, [&](const std::string* e) { good_error = e ? *e : ""; });
          })
          .has_value());
  auto timer = SliceTimer::create(10ms).value();
  timer.arm();
  script.finish();
  CHECK(good_error.empty());
  CHECK(bad_error.find("cpu_limit") != std::string::npos);
  CHECK(good.verdict() == Outcome::Ok);
  CHECK(bad.verdict() == Outcome::CpuLimit);
}

TEST_CASE("what runs on beyond the hard limit takes the VM with it") {
  Script script;
  auto config = budget();
  config.cpu_soft = 10ms;
  config.cpu_hard = 10ms;
  Invocation invocation{config};
  // One long call in C: nothing can stop it before it returns.
  CHECK(script.run("local s = string.rep('ab', 1.5e7) s:reverse()", &invocation) == "");
  CHECK(script.vm->death() == Outcome::CpuLimit);
  CHECK(script.vm->run() == Vm::RunState::Dead);
}

TEST_CASE("two VMs on one thread share it") {
  auto timer = SliceTimer::create(5ms).value();
  for (const bool jit : {false, true}) {
    Script one{with(Limit::Slice, 5, jit)};
    Script two{with(Limit::Slice, 5, jit)};
    const std::string source =
        "local n = 0 table.sort({2, 1}, function(a, b) for i = 1, 3e7 do n = n + i % 3 end return "
        "a < "
        "b end) n = 0 for i = 1, 3e7 do n = n + i % 3 end";
    REQUIRE(one.vm->start(source, "one.lua", nullptr).has_value());
    REQUIRE(two.vm->start(source, "two.lua", nullptr).has_value());
    timer.arm();
    int switches = 0;
    while (!one.vm->main_done() || !two.vm->main_done()) {
      static_cast<void>(one.vm->run());
      static_cast<void>(two.vm->run());
      // A preempted VM takes new work.
      CHECK(one.vm->protect([](lua_State*) {}).has_value());
      ++switches;
    }
    CHECK(switches > 5);
    CHECK_FALSE(one.vm->main_error());
    CHECK_FALSE(two.vm->main_error());
  }
}

TEST_CASE("a preempted VM can be destroyed") {
  Script script;
  auto timer = SliceTimer::create(10ms).value();
  timer.arm();
  REQUIRE(script.vm->start("while true do end", "main.lua", nullptr).has_value());
  CHECK(script.vm->run() == Vm::RunState::Ready);
}

TEST_CASE("a verdict from outside ends sleeping fibers and preempted loops") {
  Script script;
  Invocation invocation{{}};
  auto timer = SliceTimer::create(10ms).value();
  timer.arm();
  REQUIRE(script.vm
              ->start("spawn(function() require('sleep_for')(1e6) end) "
                      "spawn(function() require('mutex').new():lock() end) while true do end",
                      "main.lua", &invocation)
              .has_value());
  CHECK(script.vm->run() == Vm::RunState::Ready);
  script.vm->condemn(invocation, Outcome::WallLimit);
  while (script.vm->run() == Vm::RunState::Ready) continue;
  CHECK(script.vm->main_error().value_or("").find("wall_limit") != std::string::npos);
  CHECK(script.vm->usage().fibers == 0);
  CHECK(invocation.fibers() == 0);
}
