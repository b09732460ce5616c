#pragma once

/// @file
/// For tests: a VM with its host, a slice timer, and a loop that runs it until it is done.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "runtime/vm/invocation.hpp"
#include "runtime/vm/slice_timer.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime::testing {

struct RecordingHost final : VmHost {
  void log(const LogLine& line) override { lines.emplace_back(line.message); }
  std::optional<std::string> read_source(const std::string&) override { return std::nullopt; }
  void wake() override { ++wakes; }

  std::vector<std::string> lines;
  int wakes = 0;
};

struct Script {
  explicit Script(VmConfig vm_config = {}, std::vector<NativeModule> modules = {})
      : config{vm_config}, vm{Vm::create(config, host, modules).value()} {}

  /// Runs `source` as the main fiber to the end; the error's text or "".
  std::string run(const std::string& source, Invocation* invocation = nullptr) {
    auto timer = SliceTimer::create(config.limits.duration(Limit::Slice)).value();
    timer.arm();
    const auto started = vm->start(source, "main.lua", invocation);
    if (started.has_error()) return started.error().code + ": " + started.error().detail;
    finish();
    return vm->main_error().value_or("");
  }

  void finish() {
    for (;;) {
      const auto state = vm->run();
      ++runs;
      if (state == Vm::RunState::Dead) return;
      if (state == Vm::RunState::Ready) continue;
      const auto next = vm->next_timer();
      if (!next) return;
      std::this_thread::sleep_until(*next);
    }
  }

  RecordingHost host;
  VmConfig config;
  std::unique_ptr<Vm> vm;
  int runs = 0;
};

inline VmConfig with(Limit limit, std::uint64_t value, bool jit = false) {
  VmConfig config;
  config.limits.set(limit, value);
  config.jit = jit;
  return config;
}

/// CPU time of this thread that `body` takes.
template <typename Body>
std::chrono::milliseconds cpu_of(Body&& body) {
  const auto before = thread_cpu();
  body();
  return std::chrono::duration_cast<std::chrono::milliseconds>(thread_cpu() - before);
}

}  // namespace perilune::runtime::testing
