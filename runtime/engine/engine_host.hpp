#pragma once

/// @file
/// The engine as a VM sees it: files, and the terminal.

#include <optional>
#include <string>

#include "runtime/engine/terminal.hpp"
#include "runtime/vm/vm.hpp"

namespace perilune::runtime {

/// Sources come from the file system; what is printed (Info) goes to standard output, all else to
/// standard error.
class EngineHost final : public VmHost {
 public:
  explicit EngineHost(Terminal terminal = Terminal::from_environment());
  void log(const LogLine& line) override;
  [[nodiscard]] std::optional<std::string> read_source(const std::string& path) override;

 private:
  Terminal terminal_;
};

/// A whole file; empty if it can't be read. `error` is the errno then.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path, int& error);

}  // namespace perilune::runtime
