#include <catch2/catch.hpp>
#include <cstdlib>
#include <lua.hpp>
#include <map>

#include "runtime/vm/vm_fixture.hpp"

using namespace perilune::runtime;
using namespace perilune::runtime::testing;
using perilune::Limit;

namespace {

/// In each of the two rounds. PERILUNE_STRESS_FIBERS sets it.
int fibers_of_a_round() {
  if (const char* text = std::getenv("PERILUNE_STRESS_FIBERS")) return std::atoi(text);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return 50'000;
#else
  return 500'000;
#endif
}

const int kFibers = fibers_of_a_round();

/// Its handler makes `count` fibers that do random things to themselves and to each other; called
/// with a function it reports how many did what.
constexpr const char* kProgram = R"lua(
local sleep, mutex = require('time').sleep, require('mutex')
local random = math.random
math.randomseed(4711)

local tally, ring, locks
local function add(what) tally[what] = (tally[what] or 0) + 1 end

-- Takes a handle out of the ring and joins it; checks what comes out.
local function join_one(before)
  local slot = random(#ring)
  local entry = ring[slot]
  if not entry or entry.id >= before or not entry.fiber.joinable then return end
  ring[slot] = false
  local ok, a, b, c = pcall(entry.fiber.join, entry.fiber)
  if ok and entry.fiber.interruption_caught then
    assert(a == nil and entry.requested, 'interrupted, but nobody asked')
    add('joined interrupted')
  elseif ok then
    assert(a == entry.id and b == nil and c == 'end', 'wrong results')
    add('joined returned')
  elseif a == 'error ' .. entry.id then
    add('joined failed')
  else
    -- Oneself was interrupted: the other one can be joined still.
    assert(a.code == 13, a)
    assert(entry.fiber.joinable)
    error(a, 0)
  end
end

local acts = {
  function() this_fiber.yield() end,
  function() sleep(random(0, 3) / 10000) end,
  function()
    this_fiber.disable_interruption()
    local m = locks[random(#locks)]
    m:lock()
    if random(2) == 1 then this_fiber.yield() end
    m:unlock()
    this_fiber.restore_interruption()
  end,
  function(id) join_one(id) end,
  function()
    local entry = ring[random(#ring)]
    if entry then entry.requested = true entry.fiber:interrupt() end
  end,
  function()
    local slot = random(#ring)
    local entry = ring[slot]
    ring[slot] = false
    if entry and entry.fiber.joinable and random(2) == 1 then entry.fiber:detach() end
  end,
  function() coroutine.wrap(function() this_fiber.yield() coroutine.yield() end)() end,
  function() pcall(error, 'caught') end,
  function()
    this_fiber.forbid_suspend()
    local ok, e = pcall(this_fiber.yield)
    this_fiber.allow_suspend()
    if e.code == 13 then error(e, 0) end
    assert(e.code == 12)
  end,
}

local function body(id)
  assert(next(this_fiber.local_) == nil, 'the locals of another fiber')
  this_fiber.local_.id = id
  add('started')
  for _ = 1, random(0, 3) do
    acts[random(#acts)](id)
    assert(this_fiber.local_.id == id, 'another fiber')
  end
  if random(20) == 1 then
    add('failed')
    error('error ' .. id, 0)
  end
  add('returned')
  return id, nil, 'end'
end

return function(count)
  if type(count) == 'function' then
    for what, n in pairs(tally) do count(what, n) end
    return
  end
  tally, ring, locks = {}, {}, {}
  for i = 1, 64 do ring[i] = false end
  for i = 1, 4 do locks[i] = mutex.new() end
  for id = 1, count do
    ring[random(#ring)] = { id = id, fiber = spawn(body, id) }
    if id % 50 == 0 then this_fiber.yield() end
    if id % 1000 == 0 then sleep(0.0005) end
  end
  for i = 1, #ring do
    local fiber = ring[i] and ring[i].fiber
    ring[i] = false
    if fiber and fiber.joinable then fiber:detach() end
  end
end
)lua";

using Tally = std::map<std::string, int>;

int l_report(lua_State* L) {
  auto& tally = *static_cast<Tally*>(lua_touserdata(L, lua_upvalueindex(1)));
  tally[lua_tostring(L, 1)] = static_cast<int>(lua_tointeger(L, 2));
  return 0;
}

class Stress {
 public:
  explicit Stress(bool jit) : script_{config(jit)} { REQUIRE(script_.run(kProgram) == ""); }

  Tally round(int count) {
    script_.host.lines.clear();
    call([&](lua_State* L) { lua_pushinteger(L, count); });
    CHECK(script_.vm->usage().fibers == 0);
    CHECK(script_.vm->usage().timers == 0);
    // Collected handles are the last that may have something to tell.
    CHECK(script_.vm
              ->protect([](lua_State* L) {
                lua_gc(L, LUA_GCCOLLECT, 0);
                lua_gc(L, LUA_GCCOLLECT, 0);
              })
              .has_value());
    const auto told = script_.host.lines.size();
    Tally tally;
    call([&](lua_State* L) {
      lua_pushlightuserdata(L, &tally);
      lua_pushcclosure(L, l_report, 1);
    });
    tally["told"] = static_cast<int>(told);
    return tally;
  }

  [[nodiscard]] const std::vector<std::string>& lines() const { return script_.host.lines; }

  std::size_t memory() {
    CHECK(script_.vm->protect([](lua_State* L) { lua_gc(L, LUA_GCCOLLECT, 0); }).has_value());
    return script_.vm->usage().memory;
  }

 private:
  static VmConfig config(bool jit) {
    VmConfig made = with(Limit::Fibers, 100'000, jit);
    made.limits.set(Limit::Timers, 100'000);
    made.limits.set(Limit::Memory, 256 * 1024 * 1024);
    return made;
  }

  template <typename Argument>
  void call(Argument&& push_argument) {
    CHECK(script_.vm
              ->protect([&](lua_State* L) {
                script_.vm->push_handler(L);
                push_argument(L);
                script_.vm->spawn(L, 1, nullptr);
              })
              .has_value());
    auto timer = SliceTimer::create(script_.config.limits.duration(Limit::Slice)).value();
    timer.arm();
    script_.finish();
  }

  Script script_;
};

}  // namespace

TEST_CASE(
    "a million fibers that join, interrupt, lock, sleep and fail all end, and leave nothing") {
  for (const bool jit : {false, true}) {
    Stress stress{jit};
    // Tables and stacks find their size.
    stress.round(kFibers / 10);
    const auto before = stress.memory();
    Tally tally = stress.round(kFibers);
    const auto after = stress.memory();
    INFO("jit " << jit << ", returned " << tally["returned"] << ", failed " << tally["failed"]
                << ", joined " << tally["joined returned"] << " + " << tally["joined failed"]
                << " + " << tally["joined interrupted"]);
    CHECK(tally["started"] == kFibers);
    CHECK(tally["returned"] + tally["failed"] <= kFibers);
    CHECK(tally["returned"] > kFibers / 2);
    CHECK(tally["joined returned"] > kFibers / 100);
    CHECK(tally["joined failed"] > 0);
    CHECK(tally["joined interrupted"] > 0);
    // Each error is heard of once: by the joiner or in the log.
    CHECK(tally["told"] == tally["failed"] - tally["joined failed"]);
    CHECK(after < before + 64 * 1024);
  }
}
