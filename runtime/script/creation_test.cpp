#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>

#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

TEST_CASE("a fresh hosted VM is small") {
  test::ScriptVm vm;
  INFO(vm.vm().usage().memory << " bytes");
  CHECK(vm.vm().usage().memory < 64 * 1024);
}

TEST_CASE("making a VM is cheap", "[.][benchmark]") {
  test::Recorder host;
  std::chrono::nanoseconds best = std::chrono::hours{1};
  for (int i = 0; i < 200; ++i) {
    const auto start = std::chrono::steady_clock::now();
    auto vm = Vm::create({}, host, {}).value();
    best = std::min<std::chrono::nanoseconds>(best, std::chrono::steady_clock::now() - start);
  }
  WARN("best of 200: " << best.count() / 1000 << " us, " << test::ScriptVm{}.vm().usage().memory
                       << " bytes");
}

}  // namespace
}  // namespace perilune::runtime
