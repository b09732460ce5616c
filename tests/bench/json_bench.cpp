// `json` beside Debian's lua-cjson, in one VM, in one run (tests/bench/README.md).
#include <dlfcn.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <lua.hpp>
#include <sstream>
#include <string>

#include "runtime/limits.hpp"
#include "runtime/modules/standard.hpp"
#include "runtime/vm/vm.hpp"

namespace {

using namespace perilune;
using namespace perilune::runtime;

constexpr const char* kCjson = "/usr/lib/x86_64-linux-gnu/lua/5.1/cjson.so";

class Host final : public VmHost {
 public:
  void log(const LogLine& line) override { std::cout << line.message << '\n'; }
  std::optional<std::string> read_source(const std::string&) override { return std::nullopt; }
};

int (*load_cjson())(lua_State*) {
  void* library = dlopen(kCjson, RTLD_NOW);
  if (library == nullptr) {
    std::cerr << dlerror() << "\napt-get install lua-cjson\n";
    std::exit(2);
  }
  return reinterpret_cast<int (*)(lua_State*)>(dlsym(library, "luaopen_cjson"));
}

int run(const std::string& source, bool jit, std::span<const NativeModule> modules) {
  Host host;
  VmConfig config;
  config.profile = Profile::Engine;
  config.jit = jit;
  config.limits.set(Limit::Memory, std::uint64_t{1} << 30U);
  auto vm = Vm::create(config, host, modules).value();
  std::cout << (jit ? "JIT on\n" : "JIT off\n");
  if (const auto started = vm->start(source, "json_bench.lua", nullptr); !started) {
    std::cerr << started.error().detail << '\n';
    return 1;
  }
  while (vm->run() == Vm::RunState::Ready) {
  }
  if (vm->main_error()) std::cerr << *vm->main_error() << '\n';
  return vm->main_error() ? 1 : 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::ifstream file{count > 1 ? arguments[1] : "tests/bench/json_bench.lua"};
  std::stringstream source;
  source << file.rdbuf();
  std::vector<NativeModule> modules{standard_modules().begin(), standard_modules().end()};
  modules.push_back({"cjson", load_cjson()});
  return run(source.str(), false, modules) | run(source.str(), true, modules);
}
