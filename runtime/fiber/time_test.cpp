#include "runtime/fiber/time.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "runtime/fiber/clock.hpp"
#include "runtime/vm/vm_impl.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

using namespace std::chrono_literals;

VmConfig profile(Profile which) {
  VmConfig config;
  config.profile = which;
  return config;
}

/// A VM whose time moves only when a test says so.
struct TimedVm : test::ScriptVm {
  explicit TimedVm(VmConfig config = profile(Profile::Engine)) : ScriptVm{config} {
    vm().impl().clock.use(source);
  }
  /// In the engine `print` writes to standard output; here it is to be read.
  std::string run(const std::string& script) {
    return ScriptVm::run(
        "local function print(...) local t = {...} for i = 1, select('#', ...) do t[i] = "
        "tostring(t[i]) end log.info(table.concat(t, '\\t')) end " +
        script);
  }
  /// Time passes; then the VM runs until it waits again.
  void pass(std::chrono::nanoseconds time) {
    source.now += time;
    while (vm().run() == Vm::RunState::Ready) {
    }
  }
  [[nodiscard]] std::string printed() const {
    std::string text;
    for (const auto& line : host.lines) text += line.message + "\n";
    return text;
  }
  test::FakeClock source;
};

TEST_CASE("sleep ends when its time has come and not before") {
  TimedVm vm;
  CHECK(vm.run("require 'time'.sleep(0.25) print 'slept'").empty());
  vm.pass(249'999'999ns);
  CHECK(vm.printed().empty());
  vm.pass(1ns);
  CHECK(vm.printed() == "slept\n");
}

TEST_CASE("a timer wakes all who wait for it, in their order") {
  TimedVm vm;
  CHECK(vm.run(R"(
    local time = require 'time'
    local t = time.steady_timer.new()
    t:expires_at(time.steady_clock.now() + 2)
    for i = 1, 3 do spawn(function() t:wait() print(i) end) end
  )")
            .empty());
  vm.pass(1999ms);
  CHECK(vm.printed().empty());
  CHECK(vm.vm().usage().timers == 3);
  vm.pass(1ms);
  CHECK(vm.printed() == "1\n2\n3\n");
  CHECK(vm.vm().usage().timers == 0);
}

TEST_CASE("cancelling a timer that has fired finds nobody") {
  TimedVm vm;
  (void)vm.run(R"(
    local time = require 'time'
    local t = time.steady_timer.new()
    t:expires_after(1)
    spawn(function() print(pcall(t.wait, t)) end)
    time.sleep(1)
    print(t:cancel())
  )");
  vm.pass(1s);
  CHECK(vm.printed() == "0\ntrue\n");
}

TEST_CASE("a system timer waits on when its clock is set back") {
  TimedVm vm;
  (void)vm.run(R"(
    local time = require 'time'
    local t = time.system_timer.new()
    t:expires_at(time.system_clock.now() + 10)
    t:wait()
    print 'now'
  )");
  vm.source.offset -= 3s;
  vm.pass(10s);
  CHECK(vm.printed().empty());
  vm.pass(3s - 1ns);
  CHECK(vm.printed().empty());
  vm.pass(1ns);
  CHECK(vm.printed() == "now\n");
}

TEST_CASE("a system timer notices within five seconds that its clock was set forward") {
  TimedVm vm;
  (void)vm.run(R"(
    local time = require 'time'
    local t = time.system_timer.new()
    t:expires_at(time.system_clock.now() + 86400)
    t:wait()
    print 'now'
  )");
  vm.pass(1s);
  vm.source.offset += 24h;
  const auto next = vm.vm().next_timer();
  REQUIRE(next);
  vm.pass(next->time_since_epoch() - vm.source.now - 1ns);
  CHECK(vm.printed().empty());
  vm.pass(1ns);
  CHECK(vm.printed() == "now\n");
  CHECK(vm.source.now <= 5006s);
}

TEST_CASE("a timer that is far away waits on after ten years") {
  TimedVm vm;
  (void)vm.run(R"(
    local time = require 'time'
    local t = time.steady_timer.new()
    t:expires_at(time.steady_clock.epoch() + 9e9)
    t:wait()
  )");
  for (int decade = 0; decade < 3; ++decade) {
    vm.pass(24h * 3650);
    CHECK_FALSE(vm.vm().main_done());
  }
  vm.vm().shut_down();
  vm.pass(0s);
  CHECK(vm.vm().main_done());
}

TEST_CASE("a VM may end while fibers wait for its timers") {
  TimedVm vm;
  (void)vm.run(R"(
    local time = require 'time'
    local t, u = time.steady_timer.new(), time.system_timer.new()
    t:expires_after(100)
    u:expires_at(time.system_clock.now() + 100)
    for i = 1, 5 do spawn(function() t:wait() end):detach() end
    for i = 1, 5 do spawn(function() u:wait() end):detach() end
  )");
  CHECK(vm.vm().usage().timers == 10);
}

TEST_CASE("who waits keeps the timer alive") {
  TimedVm vm;
  (void)vm.run(R"(
    local time = require 'time'
    spawn(function()
      local t = time.steady_timer.new()
      t:expires_after(1)
      local wait = t.wait
      spawn(function() (function(x) t = nil wait(x) end)(t) print 'woken' end)
    end):join()
    collectgarbage() collectgarbage()
  )");
  vm.pass(1s);
  CHECK(vm.printed() == "woken\n");
}

TEST_CASE("the limit `timers` holds for waits and sleeps alike") {
  VmConfig config = profile(Profile::Hosted);
  config.limits.set(Limit::Timers, 3);
  TimedVm vm{config};
  CHECK(vm.run(R"(
    local time = require 'time'
    local t = time.steady_timer.new()
    t:expires_after(1)
    for i = 1, 2 do spawn(function() pcall(t.wait, t) end):detach() end
    spawn(function() time.sleep(1) end):detach()
    this_fiber.yield()
    local ok, e = pcall(t.wait, t)
    print(ok, e, e.limit)
    ok, e = pcall(time.sleep, 1)
    print(ok, e)
    t:cancel()
    t:expires_after(2)
    spawn(function() t:wait() print 'waited' end)
  )") == "false\ttimers: 3 in use, limit 3\t3\nfalse\ttimers: 3 in use, limit 3\n");
  vm.pass(3s);
  CHECK(vm.printed().find("waited\n") != std::string::npos);
}

TEST_CASE("hosted clocks are coarse, start with the VM and stand still while the app computes") {
  TimedVm vm{profile(Profile::Hosted)};
  vm.source.now += 777'777ns;
  CHECK(vm.run(R"(
    local time = require 'time'
    shown = function()
      local whole = true
      local seconds = {}
      for _, clock in ipairs{time.steady_clock, time.system_clock, time.high_resolution_clock} do
        local at = clock.now().seconds_since_epoch
        whole = whole and math.abs(at * 1000 - math.floor(at * 1000 + 0.5)) < 1e-3
        seconds[#seconds + 1] = string.format('%.3f', at % 1000)
      end
      return whole, table.concat(seconds, ' ')
    end
    print(time.steady_clock.now() - time.steady_clock.epoch() < 0.002)
    print(os.time() - math.floor(time.system_clock.now().seconds_since_epoch))
    first = os.clock()
    local before = select(2, shown())
    for i = 1, 1e6 do end
    print(before == select(2, shown()), os.clock() == first)
    time.sleep(0.0101)
    print((shown()))
    print(before == select(2, shown()))
  )") == "true\n0\ntrue\ttrue\n");
  vm.pass(11100us);
  CHECK(vm.printed() == "true\n0\ntrue\ttrue\ntrue\nfalse\n");
}

TEST_CASE("a hosted wait is never shorter than what the app asked for, by the app's own clock") {
  TimedVm vm{profile(Profile::Hosted)};
  (void)vm.run(R"(
    local time = require 'time'
    local bad = 0
    for i = 1, 200 do
      local asked = (i % 17) / 1700
      local before = time.steady_clock.now()
      if i % 2 == 0 then
        time.sleep(asked)
      else
        local t = time.steady_timer.new()
        t:expires_after(asked)
        t:wait()
        if time.steady_clock.now() < t.expiry then bad = bad + 1 end
      end
      if time.steady_clock.now() - before < asked - 1e-12 then bad = bad + 1 end
    end
    print('too early:', bad)
  )");
  for (int step = 0; step < 100'000 && !vm.vm().main_done(); ++step) vm.pass(53us);
  CHECK(vm.printed() == "too early:\t0\n");
}

TEST_CASE("clock arithmetic of a hosted app agrees with os.date") {
  TimedVm vm{profile(Profile::Hosted)};
  vm.source.offset = 1'700'000'000s - 5000s + 500ms;
  CHECK(vm.run(R"(
    print(os.time(), os.date('%F %T'), os.date('*t').year)
    print(os.date('%F %T', require 'time'.system_clock.now().seconds_since_epoch))
  )") == "1700000000\t2023-11-14 22:13:20\t2023\n2023-11-14 22:13:20\n");
}

}  // namespace
}  // namespace perilune::runtime
