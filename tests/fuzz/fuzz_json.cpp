// `require 'json'`: whatever the text, decode gives a value or an error of its own; a value
// survives encode and decode in each style; what is accepted is what Boost.JSON accepts. Then the
// same again with so little memory that an allocation fails somewhere: no crash, and nothing is
// lost.
#include <boost/json.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <lua.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/modules/json.hpp"
#include "runtime/modules/standard.hpp"
#include "runtime/script/errors.hpp"
#include "runtime/vm/vm.hpp"

namespace {

using namespace perilune;
using namespace perilune::runtime;

void require(bool condition) {
  if (!condition) std::abort();
}

class Host final : public VmHost {
 public:
  void log(const LogLine&) override {}
  std::optional<std::string> read_source(const std::string&) override { return std::nullopt; }
};

/// Never destroyed: the thread's own objects, which a VM needs, go before static ones.
Vm& machine() {
  static Host host;
  static Vm* const vm = [] {
    VmConfig config;
    config.limits.set(Limit::Memory, std::uint64_t{32} << 20U);
    return Vm::create(config, host, standard_modules()).value().release();
  }();
  return *vm;
}

/// Pushes json's function.
void push(lua_State* L, const char* name) {
  static const char key = 0;
  lua_pushlightuserdata(L, const_cast<char*>(&key));
  lua_rawget(L, LUA_REGISTRYINDEX);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    open_json(L);
    lua_pushlightuserdata(L, const_cast<char*>(&key));
    lua_pushvalue(L, -2);
    lua_rawset(L, LUA_REGISTRYINDEX);
  }
  lua_getfield(L, -1, name);
  lua_remove(L, -2);
}

void decode(lua_State* L, std::string_view text) {
  push(L, "decode");
  lua_pushlstring(L, text.data(), text.size());
  lua_call(L, 1, 1);
}

/// The text of the value on top, which it leaves.
std::string encode(lua_State* L, int indent) {
  push(L, "encode");
  lua_pushvalue(L, -2);
  lua_createtable(L, 0, 2);
  lua_pushboolean(L, 1);
  lua_setfield(L, -2, "sort_keys");
  lua_pushinteger(L, indent);
  lua_setfield(L, -2, "indent");
  lua_call(L, 2, 1);
  std::size_t size = 0;
  const char* text = lua_tolstring(L, -1, &size);
  std::string copy{text, size};
  lua_pop(L, 1);
  return copy;
}

struct Verdict {
  bool accepted = false;
  bool comparable = true;  ///< Boost.JSON has the same rule
};

int guarded_decode(lua_State* L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

Verdict judge(std::string_view text) {
  Verdict verdict;
  std::string first;
  const auto result = machine().protect([&](lua_State* L) {
    lua_gc(L, LUA_GCCOLLECT, 0);
    push(L, "decode");
    lua_pushcclosure(L, guarded_decode, 1);
    lua_pushlstring(L, text.data(), text.size());
    if (lua_pcall(L, 1, 1, 0) != 0) {
      require(lua_istable(L, -1));
      for (const char* field : {"line", "column", "offset"}) {
        lua_getfield(L, -1, field);
        require(lua_isnumber(L, -1) != 0);
        lua_pop(L, 1);
      }
      const std::string message = error_text(L, -1);
      lua_getfield(L, -1, "code");
      verdict.comparable =
          !is_code(L, -2, kJsonDomCategory, static_cast<int>(lua_tointeger(L, -1))) &&
          message.find("1024 bytes") == std::string::npos;
      return;
    }
    verdict.accepted = true;
    first = encode(L, 0);
    for (const int indent : {0, 1, 3}) {
      decode(L, encode(L, indent));
      require(encode(L, 0) == first);
      lua_pop(L, 1);
    }
  });
  if (!result) {
    (void)std::fprintf(stderr, "%s\n", result.error().detail.c_str());
    std::abort();
  }
  return verdict;
}

/// What Boost.JSON says; nothing where it has a limit of its own (exponents of many digits, which
/// we read as nought or refuse as too large).
std::optional<bool> boost_accepts(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = 128;
  boost::json::error_code error;
  boost::json::parse(text, error, {}, options);
  if (error == boost::json::error::exponent_overflow) return std::nullopt;
  return !error;
}

void starve(std::string_view text, std::size_t left) {
  Vm& vm = machine();
  const auto usage = vm.usage();
  const std::size_t taken = usage.memory_limit - usage.memory;
  if (taken <= left || !vm.charge_memory(taken - left)) return;
  static_cast<void>(vm.protect([&](lua_State* L) {
    decode(L, text);
    static_cast<void>(encode(L, 2));
  }));
  vm.release_memory(taken - left);
  require(vm.death() == Outcome::Ok);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t left = (std::size_t{data[0]} << 6U) + data[1];
  const std::string_view text{reinterpret_cast<const char*>(data) + 2, size - 2};
  const Verdict verdict = judge(text);
  if (verdict.comparable)
    require(verdict.accepted == boost_accepts(text).value_or(verdict.accepted));
  starve(text, left);
  const auto before = machine().usage().memory;
  judge("[1]");
  require(machine().usage().memory <= before + 4096);
  return 0;
}
