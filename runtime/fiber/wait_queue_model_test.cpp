// Random fibers do random things to all modules of synchronisation at once, are interrupted and
// ended by verdicts; a simple model of who has what holds at every step, and nothing is lost.
#include <catch2/catch.hpp>

#include "runtime/fiber/wait_queue_fixture.hpp"

using namespace perilune::runtime;
using namespace perilune::runtime::testing;

namespace {

constexpr const char* kModel = R"lua(
  local trial, time = require 'trial', require 'time'
  local mutex, recursive = require('mutex').new(), require('recursive_mutex').new()
  local condition = require('condition_variable').new()
  local permits = require('semaphore').new(3, 3)
  local queue = require('queue').new(3)
  local new_future = require('future').new

  local state = SEED
  local function random(n)
    state = (state * 16807) % 2147483647
    return state % n + 1
  end
  local function tiny() return random(3) * 1e-5 end

  -- The model. `inside`: who is between lock and unlock, or nil (also while that one waits for the
  -- condition variable). Serials of the queue: pushed in the order of calls, popped in order.
  local inside, levels, out = nil, nil, 0
  local serial, last_popped, state_of = 0, 0, {}
  local record = {}  -- per fiber id

  local function pause() for _ = 1, random(3) - 1 do this_fiber.yield() end end

  local function popped(value)
    assert(value > last_popped, 'popped out of order')
    assert(state_of[value] ~= 'refused' and state_of[value] ~= 'popped', state_of[value])
    last_popped, state_of[value] = value, 'popped'
  end

  local actions = {
    function(me)
      local how = random(3)
      if how == 1 then mutex:lock()
      elseif how == 2 then if not mutex:try_lock() then return end
      elseif not mutex:try_lock_for(tiny()) then return end
      assert(inside == nil, 'two inside')
      me.mutex, inside = true, me
      pause()
      while random(2) == 1 do
        inside, me.waiting = nil, true
        if random(2) == 1 then condition:wait(mutex) else condition:wait_for(mutex, tiny()) end
        assert(inside == nil, 'two inside after a wait')
        inside, me.waiting = me, false
        pause()
      end
      me.mutex, inside = false, nil
      mutex:unlock()
    end,
    function(me)
      if random(2) == 1 then recursive:lock() elseif not recursive:try_lock_for(tiny()) then return end
      assert(levels == nil)
      me.recursive, levels = 1, me
      if random(2) == 1 then recursive:lock() me.recursive = 2 end
      pause()
      while me.recursive > 0 do
        me.recursive = me.recursive - 1
        if me.recursive == 0 then levels = nil end
        recursive:unlock()
      end
    end,
    function(me)
      local n = random(3)
      if random(2) == 1 then permits:acquire(n) elseif not permits:try_acquire_for(tiny(), n) then return end
      out = out + n
      me.permits = n
      assert(out <= 3 and permits.value <= 3 - out, 'too many permits')
      pause()
      me.permits, out = 0, out - n
      permits:release(n)
    end,
    function(me)
      serial = serial + 1
      local mine = serial
      me.pushing = mine
      local how, done = random(3), true
      if how == 1 then queue:push(mine)
      elseif how == 2 then done = queue:push_for(tiny(), mine)
      else done = queue:try_push(mine) end
      me.pushing = nil
      if not done then
        assert(state_of[mine] == nil, 'refused, but popped')
        state_of[mine] = 'refused'
      elseif state_of[mine] == nil then
        state_of[mine] = 'pushed'
      end
    end,
    function()
      local how, found, value = random(3), true, nil
      if how == 1 then value = queue:pop()
      elseif how == 2 then found, value = queue:pop_for(tiny())
      else found, value = queue:try_pop() end
      if found then popped(value) end
    end,
    function(me)
      local promise, future = new_future()
      local value = {}
      for _ = 1, random(3) do
        spawn(function()
          local ok, got = pcall(future.get, future)
          if ok then assert(got == value) end
        end):detach()
      end
      pause()
      local how = random(4)
      if how == 1 then promise:set_error(value) else promise:set_value(value) end
      if how ~= 1 then assert(future:get() == value) else assert(future.ready) end
    end,
    function() condition:notify_one() end,
    function() condition:notify_all() end,
    function() local p, f = new_future() p = nil assert(f:wait_for(tiny()) == false or f.ready) end,
  }

  -- What a fiber still has when it ends: given back by itself, or by the reaper after a verdict.
  local function clean_up(me, own)
    if me.mutex and (own or not me.waiting) then
      assert(inside == nil or inside == me, 'somebody else is inside')
      assert(not mutex:try_lock(), 'the mutex was lost')
      if inside == me then inside = nil end
      mutex:unlock()
    end
    if own then
      while me.recursive > 0 do
        me.recursive = me.recursive - 1
        if me.recursive == 0 then levels = nil end
        recursive:unlock()
      end
    end
    if me.permits > 0 then
      out = out - me.permits
      permits:release(me.permits)
    end
    if me.pushing and own then
      assert(state_of[me.pushing] == nil, 'interrupted, but popped')
      state_of[me.pushing] = 'refused'
    end
    me.mutex, me.permits, me.pushing = false, 0, nil
  end

  local function worker(me)
    return function()
      for _ = 1, 12 do
        local ok, e = pcall(actions[random(#actions)], me)
        if not ok then
          clean_up(me, true)
          if type(e) ~= 'table' or e.code ~= 13 then error(e, 0) end
          return
        end
      end
    end
  end

  local ids, broken = {}, {}
  for i = 1, 40 do
    local group = random(15)
    local me = { permits = 0, recursive = 0, group = group }
    local body = worker(me)
    me.id = trial.spawn(group, function()
      local ok, e = pcall(body)
      if not ok and not (type(e) == 'table' and e.code == 13) then broken[#broken + 1] = tostring(e) end
    end)
    ids[i] = me
  end

  local function any_alive()
    for _, me in ipairs(ids) do if trial.alive(me.id) then return true end end
  end

  -- Hands over what it can and ends a group before the fibers that got it could run.
  local own = { mutex = false, permits = 0 }
  local function give()
    if own.mutex then
      own.mutex, inside = false, nil
      mutex:unlock()
    end
    if own.permits > 0 then
      out = out - own.permits
      permits:release(own.permits)
      own.permits = 0
    end
    condition:notify_one()
    serial = serial + 1
    state_of[serial] = queue:try_push(serial) and 'pushed' or 'refused'
    local found, value = queue:try_pop()
    if found then popped(value) end
  end

  -- The group of a fiber that waits for something given next, or any.
  local function victim()
    local kind = ({ 'mutex', 'condition_variable', 'semaphore', 'queue' })[random(4)]
    for _, me in ipairs(ids) do
      local wait = me.group <= 10 and trial.alive(me.id) and trial.wait_of(me.id)
      if wait and wait:find(kind, 1, true) == 1 then return me.group end
    end
    return random(10)
  end

  local function reap(group)
    give()
    trial.condemn(group)
    while true do
      local left = false
      for _, me in ipairs(ids) do left = left or me.group == group and trial.alive(me.id) end
      if not left then break end
      this_fiber.yield()
    end
    for _, me in ipairs(ids) do if me.group == group then clean_up(me, false) end end
  end

  local rounds = 0
  while any_alive() do
    rounds = rounds + 1
    for _ = 1, random(3) do this_fiber.yield() end
    local what = random(11)
    if what == 1 then trial.interrupt(ids[random(#ids)].id)
    elseif what == 2 then condition:notify_one()
    elseif what == 3 then local found, value = queue:try_pop() if found then popped(value) end
    elseif what == 4 then time.sleep(tiny())
    elseif what == 5 then collectgarbage 'step'
    elseif what == 6 and levels == nil then reap(victim())
    elseif what == 7 then condition:notify_all()
    elseif what == 8 then
      while permits:try_acquire() do own.permits, out = own.permits + 1, out + 1 end
    elseif what == 9 and mutex:try_lock() then own.mutex, inside = true, own
    elseif what == 10 then give()
    elseif rounds > 400 then
      for _, me in ipairs(ids) do trial.interrupt(me.id) end
    end
  end

  if broken[1] then error(broken[1], 0) end
  give()
  assert(inside == nil and out == 0)
  assert(mutex:try_lock(), 'the mutex is still locked')
  assert(permits.value == 3, permits.value)
  while #queue > 0 do popped(queue:pop()) end
  for value, how in pairs(state_of) do assert(how == 'popped' or how == 'refused', 'lost ' .. value) end
)lua";

void run_model(int seeds, bool jit) {
  for (int seed = 1; seed <= seeds; ++seed) {
    VmConfig config;
    config.jit = jit;
    Script script{config, trial_modules()};
    std::string source = kModel;
    source.replace(source.find("SEED"), 4, std::to_string(seed * 7919));
    INFO("seed " << seed << (jit ? ", JIT" : ""));
    REQUIRE(script.run(source) == "");
    if (!script.host.lines.empty()) FAIL(script.host.lines.front());
    REQUIRE(script.vm->main_done());
    REQUIRE(script.vm->usage().timers == 0);
  }
}

}  // namespace

TEST_CASE("synchronisation agrees with a simple model") { run_model(60, false); }

TEST_CASE("synchronisation agrees with a simple model, compiled") { run_model(20, true); }
