// What is handed to a fiber that cannot take it any more, and what dumps see of waits.
#include "runtime/fiber/wait_queue.hpp"

#include <catch2/catch.hpp>

#include "runtime/fiber/wait_queue_fixture.hpp"

using namespace perilune::runtime;
using namespace perilune::runtime::testing;
using perilune::Limit;

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
