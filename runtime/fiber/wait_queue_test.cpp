// What is handed to a fiber that cannot take it any more, and what dumps see of waits.
#include "runtime/fiber/wait_queue.hpp"

#include <catch2/catch.hpp>

#include "runtime/fiber/wait_queue_fixture.hpp"

using namespace perilune::runtime;
using namespace perilune::runtime::testing;
using perilune::Limit;

namespace {

constexpr const char* kStart = R"(
  local trial, time = require 'trial', require 'time'
  local m = require('mutex').new()
  local r = require('recursive_mutex').new()
  local c = require('condition_variable').new()
  local s = require('semaphore').new(0, 3)
  local q = require('queue').new(1)
  local promise, future = require('future').new()
  local out = {}
  local function log(x) out[#out + 1] = tostring(x) end
  local function is(text)
    local all = table.concat(out, ' ')
    if all ~= text then error(all, 2) end
    out = {}
  end
  local function yield() for _ = 1, 3 do this_fiber.yield() end end
)";

std::string run(const std::string& source, VmConfig config = {}) {
  Script script{config, trial_modules()};
  const std::string error = script.run(kStart + source);
  CHECK(script.vm->usage().timers == 0);
  CHECK(script.host.lines.empty());
  return error;
}

}  // namespace

TEST_CASE("a mutex that was handed to a fiber which a verdict ends goes to the next one") {
  CHECK(run(R"(
    for _, mutex in ipairs { m, r } do
      mutex:lock()
      local a = trial.spawn(1, function() mutex:lock() log 'never' end)
      local b = trial.spawn(2, function() mutex:lock() log 'b' mutex:unlock() end)
      yield()
      mutex:unlock()
      trial.condemn(1)
      yield()
      is 'b'
      assert(not trial.alive(a) and not trial.alive(b))
      assert(mutex:try_lock())
      -- and to nobody, if nobody waits
      trial.renew(1)
      a = trial.spawn(1, function() mutex:try_lock_for(60) log 'never' end)
      yield()
      mutex:unlock()
      trial.condemn(1)
      yield()
      is ''
      assert(mutex:try_lock())
      trial.renew(1)
      mutex:unlock()
    end
  )") == "");
}

TEST_CASE("a verdict takes fibers out of every queue") {
  CHECK(run(R"(
    m:lock()
    local waits = {
      function() m:lock() end,
      function() m:try_lock_for(60) end,
      function() s:acquire(2) end,
      function() s:try_acquire_for(60, 2) end,
      function() future:get() end,
      function() future:wait_for(60) end,
      function() q:pop() end,
      function() q:pop_for(60) end,
      function() for _ in q:items() do end end,
      function() local own = require('mutex').new() own:lock() c:wait(own) end,
      function() local own = require('mutex').new() own:lock() c:wait_for(own, 60) end,
    }
    for i, f in ipairs(waits) do
      waits[i] = trial.spawn(1, function() f() log 'never' end)
    end
    yield()
    trial.condemn(1)
    yield()
    for i, id in ipairs(waits) do assert(not trial.alive(id), i) end
    is ''
    s:release(1)
    assert(s.value == 1 and s:try_acquire())
    c:notify_all()
    q:push(1)
    assert(#q == 1)
    trial.renew(1)
    -- pushers too; their values have gone
    local a = trial.spawn(1, function() q:push 'a' end)
    local b = trial.spawn(2, function() q:push 'b' end)
    yield()
    trial.condemn(1)
    yield()
    assert(not trial.alive(a) and q:pop() == 1 and q:pop() == 'b' and #q == 0)
    promise:set_value(1)
  )") == "");
}

TEST_CASE("a condemned fiber does not wait for the mutex of its condition variable") {
  CHECK(run(R"(
    local a = trial.spawn(1, function() m:lock() c:wait(m) log 'never' end)
    local b = trial.spawn(2, function() m:lock() c:wait(m) log 'never' end)
    yield()
    m:lock()
    c:notify_one()
    trial.condemn(1)
    trial.condemn(2)
    yield()
    assert(not trial.alive(a) and not trial.alive(b))
    is ''
    m:unlock()
    assert(m:try_lock())
  )") == "");
}

TEST_CASE("a notification for a fiber that a verdict ends goes to the next one") {
  CHECK(run(R"(
    local function waiter(i, name)
      return trial.spawn(i, function() m:lock() c:wait(m) log(name) m:unlock() end)
    end
    for _, locked in ipairs { true, false } do
      local a, b, d = waiter(1, 'a'), waiter(2, 'b'), waiter(3, 'd')
      yield()
      if locked then m:lock() end
      c:notify_one()
      trial.condemn(1)
      yield()
      if locked then m:unlock() end
      yield()
      is 'b'
      assert(not trial.alive(a) and not trial.alive(b) and trial.alive(d))
      c:notify_all()
      yield()
      is 'd'
      assert(m:try_lock())
      m:unlock()
      trial.renew(1)
    end
    -- of notify_all nothing is left over
    local a = waiter(1, 'a')
    yield()
    c:notify_all()
    local b = waiter(2, 'b')
    trial.condemn(1)
    yield()
    is ''
    assert(trial.alive(b))
    c:notify_one()
    yield()
    is 'b'
  )") == "");
}

TEST_CASE("permits and values for a fiber that a verdict ends go to the next one") {
  CHECK(run(R"(
    trial.spawn(1, function() s:acquire(2) log 'never' end)
    trial.spawn(2, function() s:acquire(1) log 'b' end)
    yield()
    s:release(2)
    assert(s.value == 0)
    trial.condemn(1)
    yield()
    is 'b'
    assert(s.value == 1)
    trial.renew(1)
    -- never more than max
    trial.spawn(1, function() s:acquire(3) end)
    yield()
    s:release(2)
    s:release(3)
    trial.condemn(1)
    yield()
    assert(s.value == 3)
    trial.renew(1)

    trial.spawn(1, function() q:pop() log 'never' end)
    trial.spawn(2, function() log(q:pop()) end)
    yield()
    q:push 'v'
    trial.condemn(1)
    yield()
    is 'v'
    trial.renew(1)
    trial.spawn(1, function() q:pop() log 'never' end)
    yield()
    q:push 'stays'
    trial.condemn(1)
    assert(#q == 0 and not q:try_pop())
    yield()
    assert(#q == 1 and q:pop() == 'stays')
    trial.renew(1)
    -- what was let in is in
    q:push(1)
    trial.spawn(1, function() q:push(2) log 'never' end)
    yield()
    assert(q:pop() == 1)
    trial.condemn(1)
    yield()
    assert(q:pop() == 2)
    is ''
  )") == "");
}

TEST_CASE("dumps see what a fiber waits for and who has it") {
  CHECK(run(R"(
    local id = function(f) return tostring(f):match '%d+' end
    local function see(object, wait)
      local seen
      local fiber = trial.spawn(1, wait)
      yield()
      seen = trial.wait_of(fiber, object)
      trial.condemn(1)
      yield()
      trial.renew(1)
      return seen
    end
    local function same(a, b) if a ~= b then error(tostring(a), 2) end end
    m:lock()
    same(see(m, function() m:lock() end), 'mutex:lock|mutex 0x1, locked by fiber 0x1|1|internal|it')
    same(see(m, function() m:try_lock_for(60) end),
      'mutex:try_lock_for|mutex 0x1, locked by fiber 0x1|1|timed|it')
    r:lock()
    same(see(r, function() r:lock() end),
      'recursive_mutex:lock|recursive_mutex 0x2, locked by fiber 0x1|1|internal|it')
    r:unlock()
    same(see(c, function() r:lock() c:wait(r) end),
      'condition_variable:wait|condition_variable 0x3|-|internal|it')
    same(see(c, function() r:lock() c:wait_for(r, 60) end),
      'condition_variable:wait_for|condition_variable 0x3|-|timed|it')
    local seen = see(r, function()
      r:lock()
      spawn(function() r:lock() c:notify_one() yield() yield() r:unlock() end)
      c:wait_for(r, 60)
    end)
    same(seen:gsub('fiber 0x%x+', 'F'):gsub('|%d+|', '|F|'), 'condition_variable:wait_for|recursive_mutex 0x2, '
      .. 'locked by F, after waiting for condition_variable 0x3|F|internal|it')
    same(see(promise, function() future:get() end), 'future:get|future 0x6|-|internal|it')
    same(see(promise, function() future:wait_for(60) end), 'future:wait_for|future 0x6|-|timed|it')
    same(see(s, function() s:acquire(2) end),
      'semaphore:acquire|semaphore 0x4, value 0, wanted 2|-|internal|it')
    same(see(q, function() q:pop() end), 'queue:pop|queue 0x5, 0 of 1 values|-|internal|it')
    same(see(q, function() q:pop_for(60) end), 'queue:pop_for|queue 0x5, 0 of 1 values|-|timed|it')
    same(see(q, function() for _ in q:items() do end end),
      'queue:items|queue 0x5, 0 of 1 values|-|internal|it')
    q:push(1)
    same(see(q, function() q:push(2) end), 'queue:push|queue 0x5, 1 of 1 values|-|internal|it')
    same(see(q, function() q:push_for(60, 2) end), 'queue:push_for|queue 0x5, 1 of 1 values|-|timed|it')
    -- an owner that has ended
    m:unlock()
    local owner = trial.spawn(2, function() m:lock() end)
    yield()
    same(see(m, function() m:lock() end),
      'mutex:lock|mutex 0x1, locked by fiber 0x' .. ('%x'):format(owner) .. ', which has ended|-|internal|it')
  )") == "");
}

TEST_CASE("a VM that closes interrupts every wait that is an interruption point") {
  Script script{{}, trial_modules()};
  CHECK(script.run(std::string{kStart} + R"(
    for _, f in ipairs {
      function() s:acquire() end, function() s:try_acquire_for(60) end, function() future:get() end,
      function() future:wait_for(60) end, function() q:pop() end, function() q:pop_for(60) end,
      function() m:lock() c:wait(m) end, function() r:lock() c:wait_for(r, 60) end,
    } do spawn(f):detach() end
    yield()
    local full = require('queue').new(1)
    full:push(1)
    spawn(function() full:push(2) end):detach()
    spawn(function() full:push_for(60, 2) end):detach()
    spawn(function() r:lock() print(pcall(c.wait_for, c, r, 60)) end):detach()
    yield()
    spawn(function() require('time').sleep(0.01) end):detach()
  )") == "");
  // (the loop of the test has waited until the last timer)
  Script closing{{}, trial_modules()};
  REQUIRE(closing.vm
              ->start(std::string{kStart} + R"(
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
              ->start(std::string{kStart} + R"(
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
  REQUIRE(script.run(std::string{kStart} + R"(
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
  CHECK(script.run(std::string{kStart} + R"(
    local ok, e
    for i = 1, 20000 do
      ok, e = pcall(trial.spawn, 1, function() q:pop() end)
      if not ok then break end
      if i % 16 == 0 then this_fiber.yield() end
    end
    trial.condemn(1)
    yield()
    collectgarbage()
    q:push(1)
    assert(q:pop() == 1)
  )") == "");
}
