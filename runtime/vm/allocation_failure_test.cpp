// Every allocation may fail: whatever a script is doing then, the process goes on, and other VMs do
// not notice.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "runtime/vm/vm_impl.hpp"
#include "tests/support/script_vm.hpp"

namespace perilune::runtime {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kFailures = 1'250;
#else
constexpr int kFailures = 25'000;
#endif

struct Program {
  std::string name;
  std::string source;
};

/// The script tests, and what they import.
struct Corpus {
  std::vector<Program> programs;
  std::map<std::string, std::string> files;
};

std::string contents(const std::filesystem::path& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

Corpus read_corpus() {
  Corpus corpus;
  const std::filesystem::path root{std::string{PERILUNE_SOURCE_DIR} + "/tests/scripts"};
  for (const auto& entry : std::filesystem::recursive_directory_iterator{root}) {
    if (entry.path().extension() != ".lua") continue;
    const std::string name = entry.path().lexically_relative(root).string();
    std::string source = contents(entry.path());
    corpus.files.emplace(name, source);
    auto out = entry.path();
    // A program that takes long shows nothing that a short one does not.
    if (std::filesystem::exists(out.replace_extension(".out")) && source.size() < 20'000)
      corpus.programs.push_back({name, std::move(source)});
  }
  return corpus;
}

VmConfig config() {
  VmConfig config;
  config.limits.set(Limit::Memory, 4 * 1024 * 1024);
  return config;
}

/// Runs what is ready and, for a while, what sleeps; then asks all fibers to end.
void run_for_a_while(Vm& vm) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds{1};
  for (;;) {
    const auto state = vm.run();
    if (state == Vm::RunState::Dead || Clock::now() >= end) break;
    if (state == Vm::RunState::Ready) continue;
    const auto next = vm.next_timer();
    if (!next || *next >= end) break;
  }
  if (vm.death() != Outcome::Ok) return;
  vm.shut_down();
  for (int turn = 0; turn < 100 && vm.run() == Vm::RunState::Ready; ++turn) {
  }
}

/// How many allocations the program makes.
std::uint64_t count(const Program& program, const Corpus& corpus) {
  test::ScriptVm script{config()};
  script.host.files = corpus.files;
  constexpr std::uint64_t kFar = std::uint64_t{1} << 40U;
  Heap& heap = script.vm().impl().heap;
  heap.inject_failure(kFar);
  if (!script.vm().start(program.source, program.name, nullptr)) return 0;
  run_for_a_while(script.vm());
  return kFar - heap.countdown();
}

void fail_allocations(std::uint64_t seed) {
  const Corpus corpus = read_corpus();
  REQUIRE(corpus.programs.size() > 3);
  std::vector<std::uint64_t> allocations;
  for (const Program& program : corpus.programs) allocations.push_back(count(program, corpus));

  test::ScriptVm neighbour;
  REQUIRE(neighbour.run("mark = 'untouched' function check() return mark end") == "");
  std::mt19937_64 random{seed};
  for (int i = 0; i < kFailures; ++i) {
    const auto which = static_cast<std::size_t>(i) % corpus.programs.size();
    if (allocations[which] == 0) continue;
    const std::uint64_t at = random() % allocations[which] + 1;
    test::ScriptVm script{config()};
    script.host.files = corpus.files;
    INFO(corpus.programs[which].name << ", allocation " << at);
    script.vm().impl().heap.inject_failure(at);
    if (script.vm().start(corpus.programs[which].source, corpus.programs[which].name, nullptr))
      run_for_a_while(script.vm());
    script.vm().impl().heap.inject_failure(0);
    if (script.vm().death() == Outcome::Ok) {
      const auto works = script.vm().protect([](lua_State*) {});
      REQUIRE(works.has_value());
    }
  }
  CHECK(neighbour.vm().usage().memory < neighbour.vm().usage().memory_limit);
  CHECK(neighbour.run("print(string.rep('alive ', 2))") == "alive alive \n");
}

// In four parts, which run beside each other: 100,000 failures together.
TEST_CASE("a failed allocation ends a program in order, wherever it happens", "[torture]") {
  fail_allocations(20'261'123);
}
TEST_CASE("a failed allocation ends a program in order (2)", "[torture]") { fail_allocations(2); }
TEST_CASE("a failed allocation ends a program in order (3)", "[torture]") { fail_allocations(3); }
TEST_CASE("a failed allocation ends a program in order (4)", "[torture]") { fail_allocations(4); }

}  // namespace
}  // namespace perilune::runtime
