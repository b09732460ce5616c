#pragma once

/// @file
/// `perilune run`: one program on the operating system's sockets and files.

#include <string>
#include <vector>

#include "runtime/limits.hpp"

namespace perilune::runtime {

struct EngineOptions {
  std::string file;  ///< the start file, or a folder whose init.lua it is
  std::vector<std::string> arguments;
  bool jit = true;
  Limits limits = engine_limits();

  /// The defaults, opened up: whoever runs a program of his own is not his own tenant.
  [[nodiscard]] static Limits engine_limits() noexcept;
};

/// Runs the program to its end: until no fiber is left, or SIGINT or SIGTERM (its fibers are
/// interrupted and their cleanup runs; a second signal kills).
///
/// @returns the exit status: 0; 1 if the file can't be read or compiled, the main fiber died of an
/// error, or the VM died; 2 for options that make no sense. Messages go to standard error, what
/// the program prints to standard output. Call on a thread that may block and receive signals.
[[nodiscard]] int run_engine(const EngineOptions& options);

}  // namespace perilune::runtime
