#include <catch2/catch.hpp>
#include <lua.hpp>

#include "runtime/vm/operation.hpp"
#include "runtime/vm/vm_fixture.hpp"

using namespace perilune::runtime;
using namespace perilune::runtime::testing;
using perilune::Limit;
using perilune::Outcome;

namespace {

constexpr std::uint64_t kMiB = 1 << 20;

}  // namespace

TEST_CASE("running out of memory is an error that can be caught, and the memory comes back") {
  for (const bool jit : {false, true}) {
    Script script{with(Limit::Memory, 8 * kMiB, jit)};
    CHECK(script.run(R"(
      for round = 1, 20 do
        local ok, e = pcall(function() local t = {} for i = 1, 1e9 do t[i] = {i} end end)
        assert(not ok and e == 'not enough memory', e)
        local s = string.rep('x', 1500000)
      end
    )") == "");
    CHECK(script.vm->death() == Outcome::Ok);
    CHECK(script.vm->usage().memory <= 8 * kMiB);
  }
}

TEST_CASE("garbage is collected before the limit is hit") {
  for (const bool jit : {false, true}) {
    Script script{with(Limit::Memory, 8 * kMiB, jit)};
    CHECK(script.run(R"(
      local keep = string.rep('k', 1024 * 1024)
      for i = 1, 100 do local s = string.rep(string.char(i), 2 * 1024 * 1024) end
      local t for i = 1, 2e6 do t = {i, t = {}} end
    )") == "");
  }
}

TEST_CASE("just under the limit fits, just over does not") {
  Script script{with(Limit::Memory, 8 * kMiB)};
  const auto free = script.vm->usage().memory_limit - script.vm->usage().memory;
  CHECK(script.run("local n = " + std::to_string(free) + R"(
    local ok = pcall(string.rep, 'x', n / 2 - 100000)
    assert(ok)
    local ok, e = pcall(string.rep, 'x', n + 1)
    assert(not ok and e == 'not enough memory')
  )") == "");
}

TEST_CASE("an uncaught out-of-memory error ends its invocation and the VM goes on") {
  Script script{with(Limit::Memory, 8 * kMiB)};
  REQUIRE(script.run("function eat() local t = {} for i = 1, 1e9 do t[i] = {} end end "
                     "return eat") == "");
  for (int round = 0; round < 5; ++round) {
    Invocation invocation{{}};
    std::string error;
    const auto spawned = script.vm->protect([&](lua_State* L) {
      script.vm->push_handler(L);
      script.vm->spawn(L, 0, &invocation, [&](const std::string* text) { error = *text; });
    });
    REQUIRE(spawned.has_value());
    script.finish();
    CHECK(error.find("not enough memory") != std::string::npos);
    CHECK(invocation.verdict() == Outcome::MemoryLimit);
    CHECK(script.vm->death() == Outcome::Ok);
    CHECK(script.vm->usage().memory < 4 * kMiB);
  }
}

TEST_CASE("a VM that stays full dies") {
  Script script{with(Limit::Memory, 8 * kMiB)};
  CHECK(script.run("string.keep = {} for i = 1, 1e9 do string.keep[i] = {} end")
            .find("not enough memory") != std::string::npos);
  CHECK(script.vm->death() == Outcome::MemoryLimit);
}

TEST_CASE("a VM that stays full after a caught error dies when the request is done, not before") {
  for (const bool frees : {false, true}) {
    Script script{with(Limit::Memory, 8 * kMiB)};
    const std::string source = std::string{"return function()\n local t = {}\n"} +
                               (frees ? "" : "string.keep = t") + R"lua(
      local ok, e = pcall(function() for i = 1, 1e9 do t[i] = ('x'):rep(1e5) .. i end end)
      assert(not ok and e == 'not enough memory')
      this_fiber.yield()
      require('sleep_for')(5)
      print('finished')
    end)lua";
    REQUIRE(script.run(source) == "");
    Invocation invocation{{}};
    REQUIRE(script.vm
                ->protect([&](lua_State* L) {
                  script.vm->push_handler(L);
                  script.vm->spawn(L, 0, &invocation);
                })
                .has_value());
    script.finish();
    INFO((frees ? "frees" : "keeps"));
    CHECK(script.host.lines == std::vector<std::string>{"finished"});
    CHECK(script.vm->death() == (frees ? Outcome::Ok : Outcome::MemoryLimit));
    CHECK(invocation.verdict() == Outcome::Ok);
  }
}

TEST_CASE("outside of requests a VM that stays full dies at the end of the slice") {
  Script script{with(Limit::Memory, 8 * kMiB)};
  CHECK(script.run("string.keep = {} pcall(function() for i = 1, 1e9 do "
                   "string.keep[i] = ('x'):rep(1e5) .. i end end) require('sleep_for')(1e6)") ==
        "");
  CHECK(script.vm->death() == Outcome::MemoryLimit);
  CHECK(script.vm->death_message().find("limit 8388608") != std::string::npos);
}

TEST_CASE("a suspended fiber is charged for what it waits in") {
  Script script;
  const auto memory = [&script] {
    REQUIRE(script.vm->protect([](lua_State* L) { lua_gc(L, LUA_GCCOLLECT, 0); }).has_value());
    return script.vm->usage().memory;
  };
  REQUIRE(script.vm->start("pcall(require('sleep_for'), 1e6)", "main.lua", nullptr).has_value());
  CHECK(script.vm->run() == Vm::RunState::Idle);
  const auto asleep = memory();
  script.vm->shut_down();
  script.finish();
  CHECK(memory() + Operation::kCharge <= asleep);
}

TEST_CASE("what the runtime holds for a VM counts") {
  Script script{with(Limit::Memory, 8 * kMiB)};
  const auto free = script.vm->usage().memory_limit - script.vm->usage().memory;
  CHECK_FALSE(script.vm->charge_memory(free + 1));
  CHECK(script.vm->charge_memory(free));
  CHECK_FALSE(script.vm->protect([](lua_State* L) { lua_newuserdata(L, 4096); }).has_value());
  script.vm->release_memory(free);
  CHECK(script.vm->protect([](lua_State* L) { lua_newuserdata(L, 4096); }).has_value());
}

TEST_CASE("a limit that is too small for the libraries is an error") {
  RecordingHost host;
  const auto vm = Vm::create(with(Limit::Memory, 20'000), host, {});
  REQUIRE(vm.has_error());
  CHECK(vm.error().code == "memory_limit");
}

TEST_CASE("an error that passes through C++ frames destroys their objects") {
  Script script;
  int alive = 0;
  struct Counted {
    int& count;
    explicit Counted(int& c) : count{c} { ++count; }
    ~Counted() { --count; }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
  };
  const auto result = script.vm->protect([&](lua_State* L) {
    const Counted counted{alive};
    luaL_error(L, "through");
  });
  REQUIRE(result.has_error());
  CHECK(result.error().detail == "through");
  CHECK(alive == 0);
}

TEST_CASE("ten thousand idle fibers cost less than a kibibyte each") {
  Script script{with(Limit::Timers, 20'000)};
  REQUIRE(script.vm
              ->start("local sleep_for = require 'sleep_for' for i = 1, 9000 do spawn(function() "
                      "sleep_for(1e7) end) end collectgarbage()",
                      "main.lua", nullptr)
              .has_value());
  const auto before = script.vm->usage().memory;
  while (script.vm->run() == Vm::RunState::Ready) continue;
  CHECK(script.vm->usage().fibers == 9000);
  const auto each = (script.vm->usage().memory - before) / 9000;
  CHECK(each <= 1024);
}
