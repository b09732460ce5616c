#include "host/config/config.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <thread>

namespace perilune::host {

unsigned Config::gateway_threads() const noexcept {
  constexpr unsigned kMost = 16;  // request links per worker (sandbox/launcher.hpp)
  const unsigned wanted = threads != 0 ? threads : std::thread::hardware_concurrency() / 2;
  return std::clamp(wanted, 1U, kMost);
}

std::string Config::worker_path() const {
  if (!worker.empty()) return worker;
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "perilune-worker" : (self.parent_path() / "perilune-worker").string();
}

}  // namespace perilune::host
