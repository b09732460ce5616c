#pragma once

/// @file
/// argv to a command.

namespace perilune::host {

/// Runs the command; returns the process's exit status (2: bad usage or configuration). Called
/// first thing in main, while the process is single-threaded.
int command_line(int argc, char** argv);

}  // namespace perilune::host
