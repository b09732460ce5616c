#include <catch2/catch.hpp>

#include "runtime/vm/vm_fixture.hpp"

using namespace perilune::runtime;
using namespace perilune::runtime::testing;
using perilune::Limit;

TEST_CASE("fibers run first in first out") {
  Script script;
  CHECK(script.run(R"(
    local out = {}
    for i = 1, 3 do spawn(function() out[#out + 1] = i this_fiber.yield() out[#out + 1] = i + 10 end) end
    this_fiber.yield() this_fiber.yield()
    assert(table.concat(out, ' ') == '1 2 3 11 12 13', table.concat(out, ' '))
  )") == "");
}

TEST_CASE("join returns all results and the error") {
  Script script;
  CHECK(script.run(R"(
    local f = spawn(function() this_fiber.yield() return 1, nil, 3, nil end)
    assert(f.joinable)
    local n = select('#', f:join())
    assert(n == 4, n)
    assert(not f.joinable and f.interruption_caught == false)
    local g = spawn(function() error({x = 7}) end)
    local ok, e = pcall(g.join, g)
    assert(not ok and e.x == 7)
    local ok, e = pcall(f.join, f)
    assert(not ok and e.code == 22)
    local me me = spawn(function() local ok, e = pcall(me.join, me) assert(not ok and e.code == 35) end)
    me:join()
    assert(not pcall(spawn, 3))
    assert(not pcall(function() return me.nothing end))
  )") == "");
}

TEST_CASE("an interrupted fiber ends at its next point and join tells") {
  Script script;
  CHECK(script.run(R"(
    local sleep_for = require 'sleep_for'
    local caught = 0
    local f = spawn(function()
      while true do
        local ok, e = pcall(sleep_for, 100000)
        if not ok then caught = caught + 1 assert(e.code == 13) end
      end
    end)
    this_fiber.yield()
    f:interrupt() f:interrupt()
    assert(select('#', f:join()) == 0)
    assert(f.interruption_caught and caught == 1)
  )") == "");
  CHECK(script.host.lines.empty());
}

TEST_CASE("interruption can be held back") {
  Script script;
  CHECK(script.run(R"(
    local sleep_for = require 'sleep_for'
    local done = false
    local f = spawn(function()
      this_fiber.disable_interruption()
      sleep_for(5)
      done = true
      this_fiber.restore_interruption()
      sleep_for(100000)
    end)
    this_fiber.yield()
    f:cancel()
    f:join()
    assert(done and f.cancellation_caught)
    assert(not pcall(this_fiber.allow_suspend))
    this_fiber.forbid_suspend()
    local ok, e = pcall(this_fiber.yield)
    assert(not ok and e.code == 12)
    this_fiber.allow_suspend()
    this_fiber.yield()
  )") == "");
}

TEST_CASE("a detached fiber's error is logged and the VM goes on") {
  Script script;
  CHECK(script.run(R"(
    spawn(function() error('boom') end):detach()
    do local f = spawn(function() local x = nil; x() end) end
    for i = 1, 10 do this_fiber.yield() collectgarbage() end
  )") == "");
  REQUIRE(script.host.lines.size() == 2);
  CHECK(script.host.lines[0].find("panicked: 'main.lua:2: boom'") != std::string::npos);
  CHECK(script.host.lines[0].find("stack traceback") != std::string::npos);
  CHECK(script.vm->usage().fibers == 0);
}

TEST_CASE("the main fiber's error has its text and traceback") {
  Script script;
  const auto error = script.run("local function f() error('bad') end f()");
  CHECK(error.find("Main fiber panicked: ") == 0);
  VmConfig engine;
  engine.profile = Profile::Engine;
  CHECK(Script{engine}.run("error('bad')").find("Main fiber from VM 0x") == 0);
  CHECK(error.find("panicked: 'main.lua:1: bad'\nstack traceback") != std::string::npos);
  Script other;
  const auto hidden = other.run(
      "error(setmetatable({}, {__tostring = function() while true do end end, __index = error}))");
  CHECK(hidden.find("(error object is a table value)") != std::string::npos);
}

TEST_CASE("a syntax error names file and line") {
  Script script;
  CHECK(script.run("x = = 1") == "syntax_error: main.lua:1: unexpected symbol near '='");
}

TEST_CASE("the entry file's handler is kept") {
  Script function;
  CHECK(function.run("return function() end") == "");
  CHECK(function.vm->has_handler());
  Script table;
  CHECK(table.run("return {http = function() end}") == "");
  CHECK(table.vm->has_handler());
  Script none;
  CHECK(none.run("return {x = 1}") == "");
  CHECK_FALSE(none.vm->has_handler());
}

TEST_CASE("suspension passes through pcall, xpcall and coroutines with all values") {
  Script script;
  CHECK(script.run(R"(
    local sleep_for = require 'sleep_for'
    local function work(...) sleep_for(1) this_fiber.yield() return ... end
    assert(select('#', pcall(work, nil, nil)) == 3)
    assert(select('#', xpcall(work, print, 1, nil)) == 3)
    local co = coroutine.create(function(a, b)
      local c = work(a + b)
      local d = coroutine.yield(c, nil)
      local inner = coroutine.wrap(function() work() coroutine.yield(1) work() error('in') end)
      inner()
      local ok, e = pcall(inner)
      assert(not ok and e:find('in'), e)
      return d, nil, nil
    end)
    local ok, c, n = coroutine.resume(co, 1, 2)
    assert(ok and c == 3 and n == nil)
    assert(coroutine.status(co) == 'suspended')
    assert(select('#', coroutine.resume(co, 'd')) == 4)
    assert(coroutine.status(co) == 'dead')
    local out = {}
    for v in coroutine.wrap(function() for i = 1, 3 do sleep_for(1) coroutine.yield(i) end end) do out[#out + 1] = v end
    assert(#out == 3)
    assert(not pcall(coroutine.yield, 1))
    assert(coroutine.running() == nil)
    coroutine.wrap(function() assert(coroutine.running() and coroutine.isyieldable()) end)()
  )") == "");
}

TEST_CASE("a coroutine in which a fiber sleeps is busy for the others") {
  Script script;
  CHECK(script.run(R"(
    local sleep_for = require 'sleep_for'
    local co = coroutine.create(function() sleep_for(5) coroutine.yield(7) end)
    local got
    local f = spawn(function() local ok, v = coroutine.resume(co) got = v end)
    this_fiber.yield()
    assert(coroutine.status(co) == 'normal')
    local ok, e = pcall(coroutine.resume, co)
    assert(not ok and e.code == 1 and e.category == require('generic_error').EPERM.category, e)
    f:join()
    assert(got == 7 and coroutine.status(co) == 'suspended')
  )") == "");
}

TEST_CASE("suspending where C code waits raises an error that says so") {
  Script script;
  CHECK(script.run(R"(
    local t = {3, 2, 1}
    table.sort(t, function(a, b) this_fiber.yield() return a < b end)
    assert(t[1] == 1 and t[3] == 3)
    assert(('x'):gsub('x', function() coroutine.wrap(this_fiber.yield)() return 'y' end) == 'y')
    local said
    xpcall(error, function() said = select(2, pcall(this_fiber.yield)) end)
    assert(said:find('cannot suspend in a message handler'), said)
  )") == "");
}

TEST_CASE("coroutines nest a hundred deep and no deeper") {
  Script script;
  CHECK(script.run(R"(
    local function nest(n) if n == 0 then return 'deep' end return coroutine.wrap(nest)(n - 1) end
    assert(nest(100) == 'deep')
    local ok, e = pcall(nest, 101)
    assert(not ok and e:find('stack overflow'), e)
  )") == "");
}

TEST_CASE("a mutex is handed over in order and is no interruption point") {
  Script script;
  CHECK(script
            .run(R"(
    local mutex = require 'mutex'
    local m, out = mutex.new(), {}
    m:lock()
    assert(not m:try_lock())
    local fibers = {}
    for i = 1, 3 do
      fibers[i] = spawn(function()
        m:lock()
        out[#out + 1] = i
        if i == 2 then m:unlock() end  -- the interruption ends it at the next point
        this_fiber.yield()
        m:unlock()
      end)
    end
    this_fiber.yield()
    fibers[2]:interrupt()
    m:unlock()
    for i = 1, 3 do fibers[i]:join() end
    assert(table.concat(out) == '123', table.concat(out))
    assert(fibers[2].interruption_caught)
    m:lock()
    m:unlock()
  )")
            .find("main.lua") == std::string::npos);
}

TEST_CASE("fiber quota: the last one fits, one more is an error that names limit and use") {
  Script script{with(Limit::Fibers, 3)};
  CHECK(script.run(R"(
    local a, b = spawn(this_fiber.yield), spawn(this_fiber.yield)
    local ok, e = pcall(spawn, this_fiber.yield)
    assert(not ok and e.limit == 3 and e.used == 3 and tostring(e):find('fibers: 3 in use, limit 3'))
    a:join()
    spawn(this_fiber.yield):join()
    b:join()
  )") == "");
}

TEST_CASE("timer quota: the last one fits, one more is an error") {
  Script script{with(Limit::Timers, 2)};
  CHECK(script.run(R"(
    local sleep = require('time').sleep
    local a, b = spawn(function() sleep(0.01) end), spawn(function() sleep(0.01) end)
    this_fiber.yield()
    local ok, e = pcall(sleep, 0.001)
    assert(not ok and e.limit == 2 and e.used == 2)
    a:join() b:join()
    sleep(0.001)
  )") == "");
}

TEST_CASE("fiber locals and identity") {
  Script script;
  CHECK(script.run(R"(
    this_fiber.local_.x = 1
    assert(this_fiber.is_main and this_fiber.id:find('^0x'))
    spawn(function() assert(this_fiber.local_.x == nil and not this_fiber.is_main) this_fiber.local_.x = 2 end):join()
    assert(this_fiber.local_.x == 1)
    assert(not pcall(function() this_fiber.foo = 1 return this_fiber.bar end))
  )") == "");
}

TEST_CASE("shut down interrupts everybody, the main fiber too") {
  Script script;
  REQUIRE(script.vm
              ->start("spawn(function() require('sleep_for')(1e6) end) require('sleep_for')(1e6)",
                      "main.lua", nullptr)
              .has_value());
  CHECK(script.vm->run() == Vm::RunState::Idle);
  script.vm->shut_down();
  CHECK(script.vm->run() == Vm::RunState::Idle);
  CHECK(script.vm->main_done());
  CHECK(script.vm->usage().fibers == 0);
  CHECK(script.vm->usage().timers == 0);
}

TEST_CASE("a VM can go while fibers wait") {
  Script script;
  REQUIRE(script.vm
              ->start("for i = 1, 10 do spawn(function() require('sleep_for')(1e6) end) end "
                      "local m = require('mutex').new() m:lock() m:lock()",
                      "main.lua", nullptr)
              .has_value());
  CHECK(script.vm->run() == Vm::RunState::Idle);
}
