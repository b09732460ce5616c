#include <catch2/catch.hpp>

#include "runtime/vm/vm_fixture.hpp"

using namespace perilune::runtime;
using namespace perilune::runtime::testing;
using namespace std::chrono_literals;
using perilune::Limit;
using perilune::Outcome;

namespace {

Invocation::Config budget() {
  Invocation::Config config;
  config.cpu_soft = 100ms;
  config.cpu_hard = 250ms;
  return config;
}

/// Says `text` where the host of the VM hears it.
const std::string kSay = "local function say(text) return function() print(text) end end\n";

/// The VM works: a new main fiber runs to its end.
bool works(Script& script, const std::string& source = "") {
  const bool started =
      script.vm->start(source + " return function() end", "again.lua", nullptr).has_value();
  script.finish();
  return started && script.vm->has_handler();
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += (text.empty() ? "" : " ") + line;
  return text;
}

}  // namespace

TEST_CASE("a handler that raises ends the VM of an app, and nothing runs after it") {
  for (const char* source :
       {"spawn(function() print('not reached') end)\n"
        "scope(function() scope_cleanup_push(function() error('broken') end) end)",
        "spawn(function() scope_cleanup_push(function() this_fiber.yield() error('broken') end) "
        "error('x') end):detach() this_fiber.yield() this_fiber.yield() print('not reached')",
        "pcall(coroutine.wrap(function() scope_cleanup_push(function() error('broken') end) end))",
        "scope_cleanup_push(function() pcall(error) scope(error, 'broken') end)"}) {
    INFO(source);
    Script script;
    script.run(source);
    CHECK(script.vm->death() == Outcome::ScriptError);
    CHECK(script.vm->run() == Vm::RunState::Dead);
    const std::string& message = script.vm->death_message();
    CHECK(
        message.starts_with("VM forcibly closed due to error raised on cleanup handler from "
                            "fiber "));
    CHECK(message.find("broken'\nstack traceback:\n\t") != std::string::npos);
    CHECK(message.find("0x") == std::string::npos);
    CHECK(joined(script.host.lines).find("not reached") == std::string::npos);
  }
}

TEST_CASE("a handler that runs out of memory ends the VM for that") {
  for (const bool jit : {false, true}) {
    Script script{with(Limit::Memory, 8 << 20, jit)};
    script.run(
        "scope(function() scope_cleanup_push(function() local t = {} for i = 1, 1e9 do t[i] = {} "
        "end end) end) print('not reached')");
    CHECK(script.vm->death() == Outcome::MemoryLimit);
    CHECK(script.host.lines.empty());
  }
}

TEST_CASE("handlers run after a fiber ran out of memory") {
  Script script{with(Limit::Memory, 8 << 20)};
  script.run(kSay +
             "local f = spawn(function() scope_cleanup_push(say('root'))\n"
             "scope(function() scope_cleanup_push(say('scope'))\n"
             "local t = {} for i = 1, 1e9 do t[i] = {} end end) end)\n"
             "print(pcall(f.join, f))");
  CHECK(joined(script.host.lines) == "scope root false\tnot enough memory");
  CHECK(script.vm->death() == Outcome::Ok);
}

TEST_CASE("handlers of an invocation that a limit ended have a moment and no more") {
  struct Case {
    const char* name;
    const char* source;
    const char* said;  ///< what its handlers printed
  };
  const Case cases[] = {
      {"simple", "scope_cleanup_push(say('root')) while true do end", "root"},
      {"nested in pcall, scope and coroutines",
       "scope_cleanup_push(say('root')) while true do pcall(function() scope_cleanup_push(say('p'))"
       " coroutine.wrap(function() scope_cleanup_push(say('co')) scope(function() "
       "scope_cleanup_push(say('s')) while true do pcall(function() while true do end end) end "
       "end) end)() end) end",
       "s co p root"},
      {"endless handler",
       "scope_cleanup_push(say('root')) scope_cleanup_push(function() while true do end end) while "
       "true do pcall(function() while true do end end) end",
       nullptr},
      {"endless handler with pcall",
       "scope_cleanup_push(function() while true do pcall(function() while true do end end) end "
       "end) while true do end",
       nullptr},
      {"handler that pushes itself",
       "local function h() scope_cleanup_push(h) end h() while true do end", nullptr},
      {"handler that waits",
       "scope_cleanup_push(say('root')) scope_cleanup_push(function() this_fiber.yield() "
       "print('no') end) while true do pcall(function() while true do end end) end",
       "root"},
      {"scopes without end",
       "while true do pcall(scope, function() scope_cleanup_push(function() "
       "end) end) end",
       ""},
      {"busy in handlers only",
       "scope_cleanup_push(say('root')) scope(function() scope_cleanup_push(function() while true "
       "do end end) end) while true do end",
       "root"},
      {"many fibers",
       "for i = 1, 50 do spawn(function() scope_cleanup_push(function() while true do end end) "
       "require('time').sleep(1000) end) end while true do end",
       nullptr},
  };
  for (const bool jit : {false, true}) {
    for (const Case& one : cases) {
      INFO(one.name << (jit ? ", JIT on" : ", JIT off"));
      VmConfig config;
      config.jit = jit;
      Script script{config};
      Invocation invocation{budget()};
      bool ended = false;
      invocation.on_last_fiber = [&](Invocation&) { ended = true; };
      std::string error;
      const auto cpu = cpu_of([&] { error = script.run(kSay + one.source, &invocation); });
      INFO(error);
      CHECK(error.find("cpu_limit") != std::string::npos);
      CHECK(ended);
      CHECK(script.vm->death() == Outcome::Ok);
      std::string said;
      for (const auto& line : script.host.lines) {
        if (line.find("cut short") == std::string::npos) said += (said.empty() ? "" : " ") + line;
      }
      if (one.said != nullptr) CHECK(said == one.said);
      CHECK(script.host.lines.size() < 60);
#if defined(PERILUNE_SANITIZED)
      CHECK(cpu.count() <= 300);
#else
      CHECK(cpu.count() <= 125);
#endif
      CHECK(works(script));
    }
  }
}

TEST_CASE("a deadline lets the handlers of waiting fibers run, but not wait") {
  Script script;
  Invocation invocation{budget()};
  REQUIRE(script.vm
              ->start(kSay + R"(
    local sleep = require('time').sleep
    spawn(function()
      scope_cleanup_push(say('fiber'))
      coroutine.wrap(function()
        scope_cleanup_push(say('outer'))
        coroutine.wrap(function()
          scope_cleanup_push(function() sleep(1) print('no') end)
          scope_cleanup_push(function() print(select(2, pcall(sleep, 1))) end)
          scope_cleanup_push(say('inner'))
          this_fiber.yield()
          sleep(1000)
        end)()
      end)()
    end)
    scope_cleanup_push(say('main'))
    sleep(1000))",
                      "main.lua", &invocation)
              .has_value());
  CHECK(script.vm->run() == Vm::RunState::Idle);
  script.vm->condemn(invocation, Outcome::WallLimit);
  CHECK(script.vm->run() == Vm::RunState::Idle);
  CHECK(script.vm->usage().fibers == 0);
  CHECK(script.vm->death() == Outcome::Ok);
  std::string said;
  for (const auto& line : script.host.lines) {
    if (line.find("cut short") == std::string::npos) said += line + " ";
  }
  CHECK(said == "inner wall_limit outer fiber main ");
  CHECK(script.host.lines.size() == 6);
}

TEST_CASE("a deadline reaches a handler that waits") {
  Script script;
  Invocation invocation{budget()};
  REQUIRE(script.vm
              ->start(kSay + "scope_cleanup_push(say('next')) scope_cleanup_push(function() "
                             "require('time').sleep(1000) print('no') end)",
                      "main.lua", &invocation)
              .has_value());
  CHECK(script.vm->run() == Vm::RunState::Idle);
  script.vm->condemn(invocation, Outcome::WallLimit);
  CHECK(script.vm->run() == Vm::RunState::Idle);
  CHECK(script.vm->usage().fibers == 0);
  REQUIRE(script.host.lines.size() == 2);
  CHECK(script.host.lines[0] == "Fiber 1: a cleanup handler was cut short: 'wall_limit'");
  CHECK(script.host.lines[1] == "next");
}

TEST_CASE("at shut-down handlers run and may wait") {
  Script script;
  REQUIRE(script.vm
              ->start(R"(
    local sleep = require('time').sleep
    local function clean(name)
      return function()
        sleep(0.002)
        assert(('abc'):gsub('%w', function(c) return c end) == 'abc')
        pcall(sleep, 0.001)
        print(name)
      end
    end
    spawn(function() scope_cleanup_push(clean('fiber')) sleep(1000) end)
    scope_cleanup_push(clean('main'))
    sleep(1000))",
                      "main.lua", nullptr)
              .has_value());
  CHECK(script.vm->run() == Vm::RunState::Idle);
  script.vm->shut_down();
  script.finish();
  CHECK(script.vm->usage().fibers == 0);
  CHECK(script.vm->death() == Outcome::Ok);
  CHECK(joined(script.host.lines) == "fiber main");
}

TEST_CASE("a VM can go while handlers wait or are preempted") {
  Script waiting;
  REQUIRE(waiting.vm
              ->start("spawn(function() scope_cleanup_push(function() require('time').sleep(1000) "
                      "end) end) scope(function() scope_cleanup_push(function() "
                      "require('time').sleep(1000) end) end)",
                      "main.lua", nullptr)
              .has_value());
  CHECK(waiting.vm->run() == Vm::RunState::Idle);
  Script busy;
  auto timer = SliceTimer::create(10ms).value();
  timer.arm();
  REQUIRE(
      busy.vm->start("scope_cleanup_push(function() while true do end end)", "main.lua", nullptr)
          .has_value());
  CHECK(busy.vm->run() == Vm::RunState::Ready);
}

TEST_CASE("cleanup handlers are counted as the VM's memory") {
  Script script{with(Limit::Memory, 8 << 20)};
  CHECK(script.run("local ok, e = pcall(function() while true do scope_cleanup_push(print) end end)"
                   " assert(not ok)") != "unlikely");
  CHECK(script.vm->usage().memory <= 8 << 20);
}

TEST_CASE("an interruption at any instruction of scopes leaves the VM whole") {
  // The CPU budget's error is raised wherever the program happens to be.
  const std::string source = kSay + R"(
    local function f(n)
      scope_cleanup_push(function() end)
      if n > 0 then
        pcall(scope, f, n - 1)
        coroutine.wrap(f)(n - 2)
      end
    end
    while true do pcall(f, 4) end)";
  for (const bool jit : {false, true}) {
    for (int i = 0; i < 20; ++i) {
      VmConfig config;
      config.jit = jit;
      Script script{config};
      auto limits = budget();
      limits.cpu_soft = 3ms + i * 100us;
      Invocation invocation{limits};
      CHECK(script.run(source, &invocation).find("cpu_limit") != std::string::npos);
      CHECK(script.vm->death() == Outcome::Ok);
      CHECK(works(script,
                  "assert(not pcall(scope_cleanup_pop)) local n = 0 scope(function() "
                  "scope_cleanup_push(function() n = 1 end) end) assert(n == 1)"));
    }
  }
}
