#pragma once

/// @file
/// `perilune run`: its options, as a table from which they are parsed and documented.

#include <span>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/engine/engine.hpp"

namespace perilune::host {

/// One option of `perilune run`.
struct RunOption {
  std::string_view flag;   ///< "--no-jit"
  std::string_view value;  ///< "KEY=VALUE", or empty
  std::string_view doc;
};

/// All rows, documented in docs/reference/run.md (a test compares).
[[nodiscard]] std::span<const RunOption> run_options() noexcept;
/// What `perilune run --help` prints.
[[nodiscard]] std::string run_help();

/// What the words after `run` mean: options, FILE, then what belongs to the program (a `--` in
/// front of it is left out). Fails with `bad_usage`: detail says what is wrong and what was meant.
/// `file` is empty if help was asked for.
[[nodiscard]] Result<runtime::EngineOptions> parse_run(std::span<const std::string_view> words);

/// Runs it; the process's exit status.
[[nodiscard]] int run_command(std::string_view program, std::span<const std::string_view> words);

}  // namespace perilune::host
