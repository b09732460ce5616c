#include <catch2/catch.hpp>

#include "runtime/vm/vm_fixture.hpp"

using namespace perilune::runtime;
using namespace perilune::runtime::testing;
using perilune::Limit;

namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

VmConfig engine(bool jit = false) {
  VmConfig config;
  config.profile = Profile::Engine;
  config.jit = jit;
  return config;
}

}  // namespace

TEST_CASE("the uncaught hook hears of each error that nobody else can hear of") {
  for (const bool jit : {false, true}) {
    VmConfig hosted;
    hosted.jit = jit;
    for (const VmConfig& config : {hosted, engine(jit)}) {
      Script script{config};
      CHECK(script.run(R"(
        local system, sleep = require 'system', require('time').sleep
        local heard = {}
        system.set_uncaught_hook(function(e, traceback, id)
          sleep(0)
          heard[#heard + 1] = {e, traceback, id}
        end)
        local value = {}
        local f = spawn(function() error(value) end)
        f:detach()
        for i = 1, 300 do
          spawn(function() if i % 3 == 0 then this_fiber.yield() end error(i, 0) end)
        end
        this_fiber.yield() this_fiber.yield()
        collectgarbage('step', 1e6) collectgarbage() collectgarbage()
        sleep(0.002)
        assert(heard[1][1] == value and heard[1][2]:find('^stack traceback:\n\t'), heard[1][2])
        assert(heard[1][3]:find('^0x%x+$'))
        assert(#heard > 200 and heard[2][1] > 0, #heard)
      )") == "");
      CHECK(script.host.lines.empty());
    }
  }
}

TEST_CASE("a hook that fails leaves both errors to the log, and the VM goes on") {
  Script script;
  CHECK(script.run(R"(
    local system, sleep = require 'system', require('time').sleep
    system.set_uncaught_hook(function() error('of the hook') end)
    spawn(function() error('of the fiber') end):detach()
    sleep(0)
    system.set_uncaught_hook(nil)
    spawn(function() error('the last') end):detach()
    sleep(0)
  )") == "");
  REQUIRE(script.host.lines.size() == 3);
  CHECK(contains(script.host.lines[0], "of the fiber'"));
  CHECK(contains(script.host.lines[1], "of the hook'"));
  CHECK(contains(script.host.lines[2], "the last'"));
}

TEST_CASE("a hook that shut-down interrupts gives up what it was told") {
  Script script;
  const char* const source = R"(
    local system, sleep = require 'system', require('time').sleep
    system.set_uncaught_hook(function() sleep(1000) end)
    spawn(function() error('of the fiber') end):detach()
    sleep(1000)
  )";
  REQUIRE(script.vm->start(source, "main.lua", nullptr).has_value());
  while (script.vm->run() == Vm::RunState::Ready) {
  }
  CHECK(script.host.lines.empty());
  script.vm->shut_down();
  script.finish();
  REQUIRE(script.host.lines.size() == 1);
  CHECK(contains(script.host.lines[0], "of the fiber'"));
  CHECK(script.vm->usage().fibers == 0);
}

TEST_CASE("what the hook is told counts as memory until it has ended") {
  Script script{with(Limit::Memory, 16 * 1024 * 1024)};
  CHECK(script.run(R"(
    local system, sleep = require 'system', require('time').sleep
    system.set_uncaught_hook(function() sleep(0.001) end)
    local text = ('x'):rep(1024 * 1024)
    for i = 1, 100 do spawn(function() error(text, 0) end):detach() end
  )") == "");
  // Those for which there was no room were logged; none was lost, nobody died.
  CHECK(script.host.lines.size() > 50);
  CHECK(script.host.lines.size() < 100);
  CHECK(script.vm->death() == perilune::Outcome::Ok);
  CHECK(script.vm->usage().fibers == 0);
  CHECK(script.vm->usage().memory < 8 * 1024 * 1024);
}

TEST_CASE("the hook runs in the failed fiber's invocation, which ends after it") {
  Script script;
  Invocation invocation{{}};
  int ended = 0;
  std::size_t lines = 0;
  invocation.on_last_fiber = [&](Invocation&) {
    ++ended;
    lines = script.host.lines.size();
  };
  CHECK(script.run(R"(
    require('system').set_uncaught_hook(function(e) require('time').sleep(0.001) print('told') end)
    spawn(function() error('x') end):detach()
  )",
                   &invocation) == "");
  CHECK(ended == 1);
  CHECK(lines == 1);
}

TEST_CASE("a program's end tells of the fibers that failed and were never joined") {
  RecordingHost host;
  const char* const source = R"(
    KEEP = {spawn(function() error('first') end), spawn(function() error('second') end),
            spawn(function() require('sleep_for')(1e6) end), spawn(function() return 1 end)}
    this_fiber.yield()
  )";
  {
    auto vm = Vm::create(engine(), host, {}).value();
    REQUIRE(vm->start(source, "main.lua", nullptr).has_value());
    CHECK(vm->run() == Vm::RunState::Idle);
    CHECK(host.lines.empty());
  }
  REQUIRE(host.lines.size() == 2);
  CHECK(contains(host.lines[0], "main.lua:2: first'"));
  CHECK(contains(host.lines[1], "second'"));
  host.lines.clear();
  {
    auto vm = Vm::create({}, host, {}).value();
    REQUIRE(vm->start(source, "main.lua", nullptr).has_value());
    CHECK(vm->run() == Vm::RunState::Idle);
  }
  CHECK(host.lines.empty());
}

TEST_CASE("the death of a program's main fiber is its end; an app's is told to its host") {
  const char* const source =
      "spawn(function() require('sleep_for')(1) print('later') end) this_fiber.yield() error('x')";
  Script program{engine()};
  CHECK(contains(program.run(source), "panicked: 'main.lua:1: x'"));
  CHECK(program.vm->death() == perilune::Outcome::ScriptError);
  REQUIRE(program.host.lines.size() == 1);
  CHECK(contains(program.host.lines[0], "Main fiber from VM 0x"));
  Script app;
  CHECK(contains(app.run(source), "Main fiber panicked: 'main.lua:1: x'"));
  CHECK(app.vm->death() == perilune::Outcome::Ok);
  CHECK(app.host.lines == std::vector<std::string>{"later"});
}

TEST_CASE("a collection while an ended fiber is described may take its handle") {
  Script script{with(Limit::Memory, 16 * 1024 * 1024)};
  CHECK(script.run(R"(
    local code = require('system')
    for i = 1, 20000 do
      local f = spawn(function() error(('x'):rep(1000) .. i) end)
      if i % 7 == 0 then f:interrupt() end
      if i % 50 == 0 then this_fiber.yield() end
    end
    this_fiber.yield()
    collectgarbage() collectgarbage()
  )") == "");
  CHECK(script.vm->usage().fibers == 0);
}
