// Deadlocks are found when they happen, and nothing else is taken for one.
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>

#include "runtime/fiber/deadlock.hpp"
#include "runtime/fiber/scheduler.hpp"
#include "runtime/vm/vm_impl.hpp"
#include "tests/support/script_vm.hpp"

namespace perilune::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using runtime::Vm;

/// A VM whose handler somebody may call any time.
class Served final : public runtime::VmHost {
 public:
  explicit Served(bool served, runtime::VmConfig config = {}) : served_{served} {
    vm = Vm::create(config, *this, {}).value();
  }
  void log(const runtime::LogLine& line) override {
    (line.severity == runtime::LogSeverity::Error ? errors : printed) +=
        std::string{line.message} + "\n";
  }
  std::optional<std::string> read_source(const std::string&) override { return std::nullopt; }
  bool may_start_fibers() override { return served_; }

  /// Runs until nothing is left to do, for at most so long. What it prints.
  std::string run(const std::string& source, Clock::duration most = 150ms) {
    const auto end = Clock::now() + most;
    REQUIRE(vm->start("local mutex, sleep_for = require 'mutex', require 'sleep_for' " + source,
                      "main.lua", nullptr)
                .has_value());
    for (;;) {
      const auto state = vm->run();
      if (state == Vm::RunState::Dead || Clock::now() >= end) break;
      if (state == Vm::RunState::Ready) continue;
      const auto next = vm->next_timer();
      if (!next || *next >= end) break;
      std::this_thread::sleep_until(*next);
    }
    return printed;
  }

  std::string printed;
  std::string errors;
  std::unique_ptr<Vm> vm;

 private:
  bool served_;
};

/// Where `text` is in what was printed; there is nothing else in between.
bool mentions(const std::string& where, const std::string& text) {
  return where.find(text) != std::string::npos;
}

const char* const kSelf = R"lua(
spawn(function()
  local m = mutex.new()
  m:lock()
  local ok, e = pcall(m.lock, m)
  print(ok, e.code, tostring(e.category), e.message or tostring(e))
end):detach()
)lua";

const char* const kCrossed = R"lua(
local a, b = mutex.new(), mutex.new()
kept = {a, b}
local function take(first, second)
  spawn(function()
    first:lock()
    this_fiber.yield()
    local ok, e = pcall(second.lock, second)
    print(ok, e)
    first:unlock()
  end):detach()
end
take(a, b)
take(b, a)
)lua";

}  // namespace

TEST_CASE("Two fibers that lock in opposite order get an error at once, served or not",
          "[deadlock]") {
  const bool served = GENERATE(false, true);
  const bool busy = GENERATE(false, true);
  Served vm{served};
  const std::string others =
      busy ? "spawn(function() for i = 1, 20 do this_fiber.yield() end print 'busy' end):detach() "
           : "";
  const auto began = Clock::now();
  const std::string printed = vm.run(others + kCrossed);
  CHECK(Clock::now() - began < 100ms);
  INFO(printed << vm.errors);
  CHECK(mentions(printed, "mutex:lock at main.lua:8 waits for fiber 0x"));
  CHECK(mentions(printed, "for this fiber\n"));
  CHECK(mentions(vm.errors, "Deadlock: 2 fibers wait for each other\n  fiber 0x"));
  // Before the fiber that only yields has come to its end.
  if (busy) CHECK(printed.find("busy") > printed.find("deadlock"));
}

TEST_CASE("A fiber that locks its own mutex twice gets an error within milliseconds",
          "[deadlock]") {
  const bool served = GENERATE(false, true);
  const bool busy = GENERATE(false, true);
  Served vm{served};
  const auto began = Clock::now();
  const std::string printed = vm.run(
      std::string{busy ? "spawn(function() sleep_for(60) print 'slept' end):detach()\n" : ""} +
      kSelf);
  INFO(printed << vm.errors);
  CHECK(printed.find("false\t6\tperilune\tdeadlock: mutex:lock at main.lua:") == (0));
  CHECK(mentions(printed, "waits for this fiber itself"));
  if (!busy) CHECK(Clock::now() - began < 100ms);
}

TEST_CASE("Whoever joins a fiber in a deadlock gets that fiber's error, not one of its own",
          "[deadlock]") {
  Served vm{false};
  const std::string printed = vm.run(R"lua(
local f = spawn(function()
  local m = mutex.new()
  m:lock()
  m:lock()
end)
local ok, e = pcall(f.join, f)
print(ok, e)
print(e.graph)
)lua");
  INFO(printed);
  CHECK(mentions(printed, "false\tdeadlock: mutex:lock at main.lua:5 waits for this fiber itself"));
  CHECK(mentions(printed, "main fiber 0x1: fiber:join at main.lua:7, waits for fiber 0x2"));
  CHECK(mentions(printed, "goes on when that one does"));
  CHECK(vm.errors.find("Deadlock: a fiber waits for itself") == 0);
  CHECK_FALSE(mentions(vm.errors, "panicked"));
}

TEST_CASE("Joins in a circle are a deadlock", "[deadlock]") {
  Served vm{true};
  const std::string printed = vm.run(R"lua(
local fibers = {}
for i = 1, 3 do
  fibers[i] = spawn(function() print(i, pcall(fibers[i % 3 + 1].join, fibers[i % 3 + 1])) end)
end
)lua");
  INFO(printed);
  CHECK(mentions(printed,
                 "1\tfalse\tdeadlock: fiber:join at main.lua:4 waits for fiber 0x3, which "
                 "waits (fiber:join at main.lua:4) for fiber 0x4, which waits"));
  CHECK(mentions(printed, "2\tfalse\tdeadlock"));
  CHECK(mentions(printed, "3\tfalse\tdeadlock"));
}

TEST_CASE("Who joins a fiber that waits for a lock of its own is found, also in a global mutex",
          "[deadlock]") {
  const bool served = GENERATE(false, true);
  Served vm{served};
  const std::string printed = vm.run(R"lua(
shared = mutex.new()
spawn(function()
  shared:lock()
  local child = spawn(function() shared:lock() shared:unlock() end)
  print(pcall(child.join, child))
end):detach()
)lua");
  INFO(printed << vm.errors);
  CHECK(mentions(printed, "false\tdeadlock: fiber:join at main.lua:6 waits for fiber 0x3"));
}

TEST_CASE("Waits that somebody may still end are left alone", "[deadlock]") {
  const std::string rest = "print 'fine'\n";
  const std::string source = GENERATE(
      // a gate: locked by one fiber, opened by another one later
      "local gate = mutex.new() gate:lock()\n"
      "spawn(function() sleep_for(40) gate:unlock() end):detach()\n"
      "gate:lock()\n",
      // a gate between two whom the first one joins
      "local gate = mutex.new() gate:lock()\n"
      "local a = spawn(function() gate:lock() end)\n"
      "spawn(function() sleep_for(40) gate:unlock() end):detach()\n"
      "a:join()\n",
      // the opener reaches it through a weak table only
      "local weak = setmetatable({}, {__mode = 'v'})\n"
      "do local gate = mutex.new() weak[1] = gate gate:lock() end\n"
      "spawn(function() sleep_for(40) weak[1]:unlock() end):detach()\n"
      "weak[1]:lock()\n",
      // through a metatable, an upvalue of an upvalue, an environment, a coroutine's stack, varargs
      "local gate = mutex.new() gate:lock()\n"
      "local t = setmetatable({}, {__index = {gate = gate}})\n"
      "spawn(function() sleep_for(40) t.gate:unlock() end):detach()\n"
      "gate:lock()\n",
      "local gate = mutex.new() gate:lock()\n"
      "local open do local g = gate local function inner() g:unlock() end\n"
      "  open = function() inner() end end\n"
      "spawn(function() sleep_for(40) open() end):detach()\n"
      "gate:lock()\n",
      "local gate = mutex.new() gate:lock()\n"
      "local co = coroutine.wrap(function() local g = gate gate = nil coroutine.yield() g:unlock() "
      "end)\n"
      "local mine = gate co()\n"
      "spawn(function() sleep_for(40) co() end):detach()\n"
      "mine:lock()\n",
      "local gate = mutex.new() gate:lock()\n"
      "local function later(...) sleep_for(40) local g = ... g:unlock() end\n"
      "local g = gate gate = nil\n"
      "coroutine.wrap(function(...) spawn((function(x) return function() later(x) end end)(...))"
      ":detach() end)(g)\n"
      "g:lock()\n",
      // a nested coroutine sleeps with it
      "local gate = mutex.new() gate:lock()\n"
      "spawn(function() coroutine.wrap(function() local g = gate sleep_for(40) g:unlock() end)() "
      "end):detach()\n"
      "gate:lock()\n",
      // time limits and sleeps
      "local m = mutex.new() m:lock() print(m:try_lock_for(0.04))\n",
      "spawn(function() sleep_for(40) end):join()\n",
      // a fiber that can be interrupted: whoever has its handle may do so
      "local f = spawn(function() local c = require 'condition_variable'.new() local m = "
      "mutex.new() m:lock() c:wait(m) end)\n"
      "sleep_for(40) f:interrupt() f:join()\n",
      // results of a fiber that has ended
      "local gate = mutex.new() gate:lock()\n"
      "local done = spawn(function() return gate end) this_fiber.yield()\n"
      "local g = gate gate = nil\n"
      "spawn(function() sleep_for(40) done:join():unlock() end):detach()\n"
      "g:lock()\n",
      // this_fiber.local_
      "local gate = mutex.new() gate:lock()\n"
      "local g = gate gate = nil\n"
      "spawn((function(x) return function() this_fiber.local_.g = x x = nil sleep_for(40) "
      "this_fiber.local_.g:unlock() end end)(g)):detach()\n"
      "g:lock()\n");
  Served vm{false};
  INFO(source);
  const std::string printed = vm.run(source + rest);
  INFO(printed << vm.errors);
  CHECK(mentions(printed, "fine"));
  CHECK_FALSE(mentions(vm.errors, "eadlock"));
}

TEST_CASE("What a handler may still do is waited for", "[deadlock]") {
  const std::string source =
      GENERATE("gate = mutex.new() gate:lock() spawn(function() gate:lock() end):detach()\n",
               "local s = require 'semaphore'.new(0) give = function() s:release() end\n"
               "spawn(function() s:acquire() end):detach()\n",
               "local q = require 'queue'.new(1) put = function(v) q:push(v) end\n"
               "for i = 1, 10 do spawn(function() q:pop() end):detach() end\n");
  for (const bool served : {true, false}) {
    Served vm{served};
    INFO(source << served);
    static_cast<void>(vm.run(source + "return function() return gate, give, put end\n"));
    INFO(vm.errors);
    CHECK(mentions(vm.errors, "Deadlock") == !served);
  }
}

TEST_CASE("Waiting for what only waiting fibers can reach is a deadlock, though others run",
          "[deadlock]") {
  const std::string source =
      GENERATE("local p, f = require 'future'.new() keep = nil f:get() print(p)\n",
               "local c, m = require 'condition_variable'.new(), mutex.new() m:lock() c:wait(m)\n",
               "require 'semaphore'.new(0):acquire()\n", "require 'queue'.new(1):pop()\n",
               "local q = require 'queue'.new(1) q:push(1) q:push(2)\n",
               "local a, b = require 'queue'.new(1), require 'queue'.new(1)\n"
               "local f = spawn(function() b:push(a:pop()) end) a:push(b:pop())\n",
               "local m = mutex.new() spawn(function() m:lock() end):join() m:lock()\n");
  Served vm{true};
  const auto printed = vm.run(
      "spawn(function() for i = 1, 12 do sleep_for(10) end print 'others' end):detach()\n"
      "spawn(function() local ok, e = pcall(function()\n" +
      source + "end) print(ok, e) end):detach()\n");
  INFO(source << printed << vm.errors);
  CHECK(mentions(printed, "false\tdeadlock: "));
  CHECK(printed.find("deadlock") < printed.find("others"));
}

TEST_CASE("Cleanup handlers are within reach of their own fiber only", "[deadlock]") {
  Served vm{true};
  const auto printed = vm.run(R"lua(
spawn(function()
  local m = mutex.new()
  m:lock()
  scope(function()
    scope_cleanup_push(function() m:unlock() print 'cleaned up' end)
    print(pcall(coroutine.wrap(function()
      scope_cleanup_push(function() print 'inner' end)
      m:lock()
    end)))
  end)
end):detach()
)lua");
  INFO(printed << vm.errors);
  CHECK(mentions(printed, "false\tdeadlock: mutex:lock at main.lua:9"));
  CHECK(printed.ends_with("cleaned up\n"));
}

TEST_CASE("A promise that is gone breaks, which is better news than a deadlock", "[deadlock]") {
  Served vm{true};
  const auto printed = vm.run(
      "spawn(function() local f = select(2, require 'future'.new()) print(pcall(f.get, f)) "
      "end):detach()\n");
  INFO(printed << vm.errors);
  CHECK(mentions(printed, "false\tBroken promise"));
  CHECK(vm.errors.empty());
}

TEST_CASE("A fiber that got the error does not own the mutex", "[deadlock]") {
  Served vm{false};
  const auto printed = vm.run(R"lua(
local m = mutex.new()
m:lock()
print(pcall(m.lock, m))
m:unlock()
print(m:try_lock(), pcall(function() m:unlock() m:unlock() end))
local c = require 'condition_variable'.new()
m:lock()
print(pcall(c.wait, c, m))
print(m:try_lock()) -- a condition variable's wait ends with the mutex locked
m:unlock()
)lua");
  INFO(printed);
  CHECK(mentions(printed, "true\tfalse\t"));
  CHECK(mentions(printed, "false\tdeadlock: condition_variable:wait at main.lua:"));
  CHECK(printed.ends_with("false\n"));
}

TEST_CASE("Looking for deadlocks gets rare as waits get old", "[deadlock]") {
  Served vm{true};
  static_cast<void>(
      vm.run("local q = require 'queue'.new(1) put = q\n"
             "for i = 1, 100 do spawn(function() q:pop() end):detach() end\n"
             "return function() return put end\n",
             5ms));
  auto& detector = vm.vm->impl().scheduler.deadlocks;
  CHECK(detector.waiting() == 100);
  const auto began = Clock::now();
  int looks = 0;
  while (Clock::now() - began < 400ms) {
    const auto next = detector.next_look();
    REQUIRE(next);
    if (*next - began > 400ms) break;
    std::this_thread::sleep_until(*next);
    static_cast<void>(vm.vm->run());
    ++looks;
  }
  CHECK(looks >= 2);
  CHECK(looks < 20);
  CHECK(vm.vm->usage().timers == 0);
  CHECK(vm.errors.empty());
}

TEST_CASE("A heap beyond the budget of a search is not searched to the end", "[deadlock]") {
  const int objects = GENERATE(1'000, 200'000);
  Served vm{true};
  const auto printed = vm.run("big = {} for i = 1, " + std::to_string(objects) +
                                  " do big[i] = {} end\n"
                                  "spawn(function() require 'queue'.new(1):pop() end):detach()\n"
                                  "sleep_for(1000)\n",
                              400ms);
  INFO(vm.errors);
  CHECK(mentions(vm.errors, "Deadlock") == (objects < 10'000));
}

TEST_CASE("Long chains and deep structures are followed", "[deadlock]") {
  Served vm{true};
  const auto printed = vm.run(R"lua(
local gate = mutex.new()
gate:lock()
local list
do local g = gate for i = 1, 20000 do list = {list or g} end end
do local wide = {} for i = 1, 5000 do wide[i] = {} end list = {wide, list} end
local g = gate
gate = nil
local function last(l) l = l[2] while type(l) == 'table' do l = l[1] end return l end
spawn(function() sleep_for(60) last(list):unlock() end):detach()
local first
for i = 1, 3000 do local before = first first = spawn(function() if before then before:join() else g:lock() end end) end
first:join()
print 'fine'
)lua",
                              3s);
  INFO(printed << vm.errors);
  CHECK(printed == "fine\n");
  CHECK(vm.errors.empty());
}

}  // namespace perilune::test
