// What waits cost, what they leave behind, and how they end with their VM.
#include "runtime/fiber/wait_queue.hpp"

#include <catch2/catch.hpp>

#include "runtime/fiber/wait_queue_fixture.hpp"

using namespace perilune::runtime;
using namespace perilune::runtime::testing;
using perilune::Limit;

TEST_CASE("a VM that closes interrupts every wait that is an interruption point") {
  Script closing{{}, trial_modules()};
  REQUIRE(closing.vm
              ->start(std::string{kTrialStart} + R"(
    for _, f in ipairs {
      function() s:acquire() end, function() s:try_acquire_for(60) end, function() future:get() end,
      function() future:wait_for(60) end, function() q:pop() end, function() q:pop_for(60) end,
      function() m:lock() c:wait(m) end, function() r:lock() c:wait_for(r, 60) end,
    } do spawn(f):detach() end
    yield()
    m:lock()
    c:wait_for(m, 60)
  )",
                      "main.lua", nullptr)
              .has_value());
  while (closing.vm->run() == Vm::RunState::Ready) {
  }
  CHECK(closing.vm->usage().fibers == 9);
  closing.vm->shut_down();
  while (closing.vm->run() == Vm::RunState::Ready) {
  }
  // Whoever was interrupted in `c:wait` ended with the mutex: the main fiber waits for it.
  CHECK(closing.vm->usage().fibers <= 1);
  CHECK(closing.host.lines.empty());
}

TEST_CASE("a VM may go while things are handed over") {
  Script script{{}, trial_modules()};
  auto timer = SliceTimer::create(script.config.limits.duration(Limit::Slice)).value();
  timer.arm();
  REQUIRE(script.vm
              ->start(std::string{kTrialStart} + R"(
    local own = require('mutex').new()
    m:lock()
    r:lock()
    q:push(1)
    local full = require('queue').new(1)
    for _ = 1, 2 do
      for _, f in ipairs {
        function() m:lock() end, function() r:try_lock_for(60) end,
        function() own:lock() c:wait(own) end, function() own:lock() c:wait_for(own, 60) end,
        function() s:acquire() end, function() s:try_acquire_for(60, 3) end,
        function() future:get() end, function() q:push(2) end, function() q:push_for(60, 2) end,
        function() full:pop() end, function() full:pop_for(60) end,
      } do trial.spawn(1, f) end
    end
    yield()
    c:notify_one()
    m:unlock()
    r:unlock()
    s:release(2)
    q:pop()
    full:push(1)
    promise:set_value({})
    while true do end
  )",
                      "main.lua", nullptr)
              .has_value());
  CHECK(script.vm->run() == Vm::RunState::Ready);
  script.vm.reset();
  SUCCEED("nothing was touched that had gone");
}

TEST_CASE("waits leave neither memory nor timers behind") {
  Script script{{}, trial_modules()};
  REQUIRE(script.run(std::string{kTrialStart} + R"(
    local function round()
      m:lock()
      local f = spawn(function() m:lock() m:unlock() return q:pop_for(60) end)
      local g = spawn(function() if m:try_lock_for(1e-6) then m:unlock() end s:try_acquire_for(1e-6) return s:acquire() end)
      local h = spawn(function() m:lock() c:wait_for(m, 60) m:unlock() end)
      yield()
      m:unlock()
      time.sleep(1e-4)
      c:notify_all()
      q:push({})
      s:release()
      f:join() g:join() h:join()
    end
    for _ = 1, 50 do round() end
    collectgarbage() collectgarbage()
    local before = collectgarbage 'count'
    for _ = 1, 500 do round() end
    collectgarbage() collectgarbage()
    assert(collectgarbage 'count' - before < 4, collectgarbage 'count' - before)
  )") == "");
  CHECK(script.vm->usage().timers == 0);
  CHECK(script.vm->usage().fibers == 0);
}

TEST_CASE("the quota of timers holds for timed waits") {
  CHECK(run(R"(
    m:lock()
    local full = require('queue').new(1)
    full:push(1)
    for i = 1, 2 do trial.spawn(1, function() q:pop_for(60) end) end
    yield()
    for _, f in ipairs {
      function() m:try_lock_for(1) end, function() s:try_acquire_for(1) end,
      function() future:wait_for(1) end, function() q:pop_for(1) end, function() c:wait_for(m, 1) end,
      function() full:push_for(1, 3) end,
    } do
      local ok, e = pcall(f)
      assert(not ok and e.limit == 2 and e.used == 2 and tostring(e):find '^timers', tostring(e))
    end
    assert(not m:try_lock())
    assert(not m:try_lock_for(0) and not full:push_for(0, 1) and not s:try_acquire_for(0))
    trial.condemn(1)
    yield()
    assert(not m:try_lock_for(0.001))
  )",
            with(Limit::Timers, 2)) == "");
}

TEST_CASE("waits are charged to the VM, also those that fail for lack of memory") {
  Script script{with(Limit::Memory, 3 << 20), trial_modules()};
  CHECK(script.run(std::string{kTrialStart} + R"(
    local ok, e
    local reserve = ('x'):rep(65536)  -- what is left when memory is full may be nothing
    for i = 1, 20000 do
      ok, e = pcall(trial.spawn, 1, function() q:pop() end)
      if not ok then break end
      if i % 16 == 0 then this_fiber.yield() end
    end
    reserve = nil
    collectgarbage()
    trial.condemn(1)
    yield()
    collectgarbage()
    q:push(1)
    assert(q:pop() == 1)
  )") == "");
}
