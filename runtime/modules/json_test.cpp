// What tests/scripts/json cannot show: hosted VMs, limits on memory and CPU, slices.
#include "runtime/modules/json.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "runtime/modules/standard.hpp"
#include "runtime/vm/vm_fixture.hpp"
#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

VmConfig with_memory(std::uint64_t bytes, bool jit) {
  VmConfig config;
  config.jit = jit;
  config.limits.set(Limit::Memory, bytes);
  return config;
}

struct Json : testing::Script {
  explicit Json(const VmConfig& limits = {})
      : Script{limits, {standard_modules().begin(), standard_modules().end()}} {}
  /// What `source` printed, and its error.
  std::string run(const std::string& source, Invocation* invocation = nullptr) {
    const std::string error = Script::run("local json = require 'json'\n" + source, invocation);
    std::string text;
    for (const std::string& line : host.lines) text += line + "\n";
    return error.empty() ? text : text + "error: " + error;
  }
};

TEST_CASE("json works in a hosted VM, and its __tojson may suspend there") {
  for (const bool jit : {false, true}) {
    Json json{with_memory(16 * kMiB, jit)};
    CHECK(json.run(R"(
      local sleep = require 'time'.sleep
      local slow = setmetatable({}, {__tojson = function(self, state)
        sleep(0.001)
        state.writer:value('slow')
      end})
      for i = 1, 100 do
        local v = json.decode('[1, {"a": null, "b": ' .. i .. '}, "x\\n", [true, false]]')
        v[2].c = i == 100 and slow or i
        local s = json.encode(v, {sort_keys = true})
        if i >= 99 then print(s) end
      end
      print(json.null, getmetatable(json.null))
    )") == "[1,{\"a\":null,\"b\":99,\"c\":99},\"x\\n\",[true,false]]\n"
           "[1,{\"a\":null,\"b\":100,\"c\":\"slow\"},\"x\\n\",[true,false]]\n"
           "null\tjson-null\n");
  }
}

TEST_CASE("a document that does not fit into memory is an error, and the VM lives on") {
  for (const bool jit : {false, true}) {
    Json json{with_memory(8 * kMiB, jit)};
    CHECK(json.run(R"(
      local function fails(f, ...)
        for _ = 1, 5 do
          local ok, e = pcall(f, ...)
          assert(not ok and e == 'not enough memory', e)
        end
        assert(json.encode(json.decode '[1,{"a":[]}]') == '[1,{"a":[]}]')
      end
      local text = '[' .. ('{"a":[]},'):rep(100000) .. '0]'
      fails(json.decode, text)
      text = '"' .. ('\\n'):rep(500000) .. '"'
      local long = json.decode(text)
      text = nil
      assert(#long == 500000)
      fails(json.encode, {long, long, long, long, long, long, long, long, long})
      fails(json.encode, setmetatable({}, {__tojson = function(_, state)
        state.writer:begin_array()
        for _ = 1, 1e9 do state.writer:value 'filling the memory of the VM' end
      end}))
      local w = json.writer.new()
      w:begin_array()
      fails(function() for _ = 1, 1e9 do w:value(12345678) end end)
      w, long = nil, nil
      local shared = {}
      for _ = 1, 100 do shared = {shared, shared} end
      fails(json.encode, shared)
    )") == "");
    CHECK(json.vm->death() == Outcome::Ok);
    CHECK(json.vm->usage().memory <= 8 * kMiB);
  }
}

TEST_CASE("garbage is collected while a long document is read") {
  Json json{with_memory(16 * kMiB, false)};
  // Each round leaves 5 MiB of garbage: without collections inside decode the third would fail.
  CHECK(json.run(R"(
    local text = '[' .. ('{"a":1,"b":[]},'):rep(25000) .. '0]'
    for i = 1, 20 do assert(#json.decode(text) == 25001) end
    local v = json.decode(text)
    for i = 1, 20 do assert(#json.encode(v) == #text) end
  )") == "");
}

/// What `source` prints with 100 ms of CPU in slices of 5 ms.
std::string run_limited(const std::string& source, int& slices) {
  VmConfig config = with_memory(512 * kMiB, false);
  config.limits.set(Limit::Slice, 5);
  Json json{config};
  Invocation::Config budget;
  budget.cpu_soft = std::chrono::milliseconds{100};
  budget.cpu_hard = std::chrono::milliseconds{250};
  Invocation invocation{budget};
  const std::string text = json.run(source, &invocation);
  slices = json.runs;
  return text;
}

TEST_CASE("slices and the CPU limit hold inside decode and encode") {
#if defined(__SANITIZE_THREAD__)
  constexpr int kFewSlices = 0;  // its runtime holds the timer's signal back
#else
  constexpr int kFewSlices = 5;
#endif
  for (const std::string work : {
           "json.decode((' '):rep(20e6) .. '1')",
           "json.decode('\"' .. ('x'):rep(20e6) .. '\"')",
           "json.decode('\"' .. ('\\\\n'):rep(10e6) .. '\"')",
           "json.decode('[' .. ('1,'):rep(5e6) .. '1]')",
           "json.encode(('x'):rep(20e6))",
           "json.encode(('\\n'):rep(20e6))",
           "json.encode(('\\195\\169'):rep(10e6))",
       }) {
    int slices = 0;
    INFO(work);
    const std::string text = run_limited("while true do " + work + " end", slices);
    CHECK(text.find("cpu_limit: 1") != std::string::npos);
    CHECK(slices > kFewSlices);
  }
  int slices = 0;
  const std::string text = run_limited(R"(
    local v = {}
    for i = 1, 60 do v = {v, v} end
    json.encode(v, {max_depth = 1000, indent = 1})
  )",
                                       slices);
  CHECK(text.find("cpu_limit: 1") != std::string::npos);
}

TEST_CASE("opening json costs little memory") {
  test::ScriptVm vm{{}, standard_modules()};
  CHECK(vm.run(R"(
    require 'bit'  -- require itself is loaded when it is called first
    collectgarbage()
    local before = collectgarbage 'count'
    local json = require 'json'
    print(collectgarbage 'count' - before < 8)
  )") == "true\n");
}

}  // namespace
}  // namespace perilune::runtime
