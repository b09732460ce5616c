// What a VM costs: CPU to make and to destroy one, memory of an idle one. See
// tests/bench/README.md.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "runtime/vm/vm.hpp"

namespace {

using perilune::runtime::LogLine;
using perilune::runtime::Vm;

class Host final : public perilune::runtime::VmHost {
 public:
  void log(const LogLine& line) override {
    std::printf("%.*s\n", static_cast<int>(line.message.size()), line.message.data());
  }
  std::optional<std::string> read_source(const std::string&) override { return std::nullopt; }
};

double cpu_us() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

/// Kilobytes of the process' anonymous memory.
long anonymous_kib() {
  std::ifstream rollup{"/proc/self/smaps_rollup"};
  std::string word;
  long value = 0;
  while (rollup >> word) {
    if (word == "Anonymous:" && rollup >> value) return value;
  }
  return 0;
}

std::unique_ptr<Vm> make(Host& host, bool run) {
  auto vm = Vm::create({}, host, {}).value();
  if (run) {
    static_cast<void>(vm->start("local x = 1", "main.lua", nullptr));
    while (vm->run() == Vm::RunState::Ready) {
    }
  }
  return vm;
}

}  // namespace

int main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 2000;
  Host host;
  for (int i = 0; i < 20; ++i) make(host, true);
  double start = cpu_us();
  for (int i = 0; i < count; ++i) make(host, false);
  std::printf("make and destroy: %.1f us of CPU\n", (cpu_us() - start) / count);
  for (const bool run : {false, true}) {
    std::vector<std::unique_ptr<Vm>> vms;
    vms.reserve(1000);
    const long before = anonymous_kib();
    start = cpu_us();
    for (int i = 0; i < 1000; ++i) vms.push_back(make(host, run));
    const double used = (cpu_us() - start) / 1000;
    std::printf("%s: %.1f us of CPU, %.1f KiB resident, %zu bytes charged\n",
                run ? "make, start, run to idle" : "make", used,
                static_cast<double>(anonymous_kib() - before) / 1000.0, vms.back()->usage().memory);
  }
  return 0;
}
