#include "runtime/engine/dump_signal.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>

#include "runtime/fiber/dump.hpp"

namespace perilune::runtime {

int dump_signal(std::string_view name) noexcept {
  constexpr std::array<std::pair<std::string_view, int>, 4> kSignals{
      {{"SIGUSR1", SIGUSR1}, {"SIGUSR2", SIGUSR2}, {"SIGQUIT", SIGQUIT}, {"SIGHUP", SIGHUP}}};
  for (const auto& [known, number] : kSignals) {
    if (known == name) return number;
  }
  return 0;
}

DumpSignal::DumpSignal(boost::asio::io_context& loop, Vm& vm, int signal)
    : vm_{vm}, signals_{loop, signal} {
  wait();
}

void DumpSignal::wait() {
  signals_.async_wait([this](boost::system::error_code error, int) {
    if (error) return;
    const std::string text = fibers_text(vm_);
    for (std::string_view left = text; !left.empty();) {
      const auto written = ::write(STDERR_FILENO, left.data(), left.size());
      if (written < 0 && errno != EINTR) break;
      left.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
    wait();
  });
}

}  // namespace perilune::runtime
