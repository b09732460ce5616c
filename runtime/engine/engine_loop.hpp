#pragma once

/// @file
/// What the engine's own modules need of the loop around their VM.

#include <boost/asio/io_context.hpp>
#include <cstddef>
#include <optional>

namespace perilune::runtime {

class Vm;

/// A slot, which the engine fills before the start file runs.
struct EngineLoop {
  explicit EngineLoop(Vm&) {}

  boost::asio::io_context* io = nullptr;
  /// How many fibers wait for something that comes through `io`, besides the network: while there
  /// is one, the program is not over.
  std::size_t waiting = 0;
  /// Set by `system.exit`, which then ends the VM.
  std::optional<int> exit_status;
};

}  // namespace perilune::runtime
