#pragma once

/// @file
/// A VM for tests of what scripts see: runs a program, keeps what it printed.

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/vm/invocation.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::test {

/// What a VM logged, and the files that its scripts may import.
class Recorder final : public runtime::VmHost {
 public:
  struct Line {
    runtime::LogSeverity severity;
    std::string message;
    std::string source;
    std::string fields;
  };

  std::map<std::string, std::string> files;
  std::vector<Line> lines;

  void log(const runtime::LogLine& line) override {
    lines.push_back({line.severity, std::string{line.message}, std::string{line.source},
                     std::string{line.fields}});
  }
  std::optional<std::string> read_source(const std::string& path) override {
    const auto found = files.find(path);
    if (found == files.end()) return std::nullopt;
    return found->second;
  }
};

/// One VM that runs one start file to its end.
class ScriptVm {
 public:
  explicit ScriptVm(runtime::VmConfig config = {},
                    std::span<const runtime::NativeModule> modules = {})
      : vm_{runtime::Vm::create(config, host, modules).value()} {}

  Recorder host;

  /// Runs `source` as main.lua; its printed lines, each with "\n", then "error: …" if it died.
  std::string run(std::string_view source, runtime::Invocation* invocation = nullptr) {
    const auto started = vm_->start(source, "main.lua", invocation);
    if (!started) return "error: " + started.error().detail;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (vm_->run() == runtime::Vm::RunState::Ready) {
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error{"the script does not end"};
    }
    std::string text;
    for (const auto& line : host.lines) text += line.message + "\n";
    if (vm_->main_error()) text += "error: " + *vm_->main_error();
    return text;
  }

  [[nodiscard]] runtime::Vm& vm() noexcept { return *vm_; }

 private:
  std::unique_ptr<runtime::Vm> vm_;
};

/// What `source` prints in a fresh hosted VM.
inline std::string run_script(std::string_view source) { return ScriptVm{}.run(source); }

}  // namespace perilune::test
