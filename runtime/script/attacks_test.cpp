#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

/// What the cases expect of their surroundings, on one line so that theirs keep their numbers.
constexpr const char* kHarness =
    "function BREACH(m) print('BREACH ' .. tostring(m)) end function NOTE() end "
    "function CLOCK() return os.clock() end HOSTOBJ = byte_span.new(8) ";

std::string read(const std::filesystem::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

bool is_library_case(const std::string& name) {
  // cpu-*: those that one C function decides; the others need the CPU timer.
  constexpr const char* kPrefixes[] = {"esc-",   "stk-",   "par-",  "upl-15",
                                       "cpu-07", "cpu-17", "cpu-20"};
  return std::any_of(std::begin(kPrefixes), std::end(kPrefixes),
                     [&name](const char* prefix) { return name.starts_with(prefix); });
}

TEST_CASE("no attack on the library gets through, in either JIT class") {
  std::size_t cases = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator{PERILUNE_SOURCE_DIR "/tests/attacks/cases"}) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".lua" || !is_library_case(name)) continue;
    for (const bool jit : {false, true}) {
      VmConfig config;
      config.jit = jit;
      test::ScriptVm vm{config};
      // The case takes any `os` for the real one; here it is ours, of four functions.
      const std::string without = name == "esc-17.lua" ? "os = nil " : "";
      const std::string text = vm.run(kHarness + without + read(entry.path()));
      INFO(name << (jit ? " with JIT" : "") << " said " << text);
      CHECK(text.find("BREACH") == std::string::npos);
      CHECK(vm.vm().usage().memory <= vm.vm().usage().memory_limit);
      ++cases;
    }
  }
  CHECK(cases >= 50);
}

/// Each must end with this text (not only without a breach).
struct Expected {
  const char* name;
  const char* text;
};

TEST_CASE("attacks end with the error that says why") {
  constexpr Expected kExpected[] = {
      {"cpu-07.lua", "pattern too complex"},
      {"stk-01.lua", "stack overflow"},
      {"par-01.lua", "too many syntax levels"},
      {"par-11.lua", "unfinished long string"},
      {"esc-05.lua", "refused"},
  };
  for (const Expected& expected : kExpected) {
    const auto text = test::run_script(
        std::string{kHarness} + "print((function(...) " +
        read(std::string{PERILUNE_SOURCE_DIR "/tests/attacks/cases/"} + expected.name) +
        "\nend)())");
    INFO(expected.name << " said " << text);
    CHECK(text.find(expected.text) != std::string::npos);
  }
}

}  // namespace
}  // namespace perilune::runtime
