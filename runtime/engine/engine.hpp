#pragma once

/// @file
/// `perilune run`: one program on the operating system's sockets and files.

#include <string>
#include <vector>

#include "runtime/limits.hpp"

namespace perilune::runtime {

struct EngineOptions {
  std::string program = "perilune";  ///< argv[0]: the first of `system.arguments`
  std::string file;                  ///< the start file, or a folder whose init.lua it is
  std::vector<std::string> arguments;
  bool jit = true;
  bool test = false;    ///< `_CONTEXT` is "test"
  bool hosted = false;  ///< the library that an app sees; sockets stay the operating system's
  std::vector<std::string> package_path = {};  ///< folders of external packages, in order
  int dump_on = 0;  ///< signal that shows all fibers (dump_signal.hpp); 0: none
  Limits limits = engine_limits();

  /// The defaults, opened up: whoever runs a program of his own is not his own tenant.
  [[nodiscard]] static Limits engine_limits() noexcept;
};

/// The folders that PERILUNE_PATH, then EMILUA_PATH name: separated by colons, empty ones left out.
[[nodiscard]] std::vector<std::string> package_path_of_environment();

/// Runs the program to its end: until no fiber is left, `system.exit`, or SIGINT or SIGTERM (its
/// fibers are interrupted and their cleanup runs; a second signal kills).
///
/// @returns the exit status: 0; what `system.exit` was given; 1 if the file can't be read or
/// compiled, the main fiber died of an error, or the VM died; 2 for a file that makes no sense.
/// Messages go to standard error, what the program prints to standard output. Sets the process's
/// signals: none blocked, SIGPIPE ignored. Call on a thread that may block and receive signals.
[[nodiscard]] int run_engine(const EngineOptions& options);

}  // namespace perilune::runtime
