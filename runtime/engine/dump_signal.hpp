#pragma once

/// @file
/// `perilune run --dump-on SIGUSR1`: a signal that makes the engine show all fibers.

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <string_view>

#include "runtime/vm/vm.hpp"

namespace perilune::runtime {

/// The number of SIGUSR1, SIGUSR2, SIGQUIT or SIGHUP; 0 for another name.
[[nodiscard]] int dump_signal(std::string_view name) noexcept;

/// Writes a dump to standard error each time the signal comes, from the event loop between two
/// slices of the VM: so at most a slice late, while a busy fiber is in the middle of something. The
/// program goes on.
class DumpSignal {
 public:
  /// `loop` and `vm` outlive it.
  DumpSignal(boost::asio::io_context& loop, Vm& vm, int signal);

 private:
  void wait();

  Vm& vm_;
  boost::asio::signal_set signals_;
};

}  // namespace perilune::runtime
