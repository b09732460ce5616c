#include "host/supervisor/process_stats.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <ctime>

#include "runtime/base/unique_fd.hpp"

namespace perilune::host {
namespace {

std::optional<std::string> read_small(const std::string& path) {
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return std::nullopt;
  std::array<char, 256> text{};
  const auto length = ::read(file.get(), text.data(), text.size());
  if (length <= 0) return std::nullopt;
  return std::string{text.data(), static_cast<std::size_t>(length)};
}

/// The number at `from`, which moves behind it and one blank.
std::optional<std::uint64_t> take(std::string_view& from) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), value);
  if (error != std::errc{}) return std::nullopt;
  from.remove_prefix(static_cast<std::size_t>(end - from.data()));
  if (!from.empty()) from.remove_prefix(1);
  return value;
}

}  // namespace

std::optional<std::chrono::nanoseconds> process_cpu(pid_t pid) noexcept {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
    return std::nullopt;
  return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

std::optional<std::uint64_t> process_memory(pid_t pid, const std::string& cgroup_file) {
  if (!cgroup_file.empty()) {
    if (const auto text = read_small(cgroup_file)) {
      std::string_view rest{*text};
      if (const auto bytes = take(rest)) return bytes;
    }
  }
  const auto text = read_small("/proc/" + std::to_string(pid) + "/statm");
  if (!text) return std::nullopt;
  std::string_view rest{*text};
  const auto size = take(rest);
  const auto resident = take(rest);
  const auto shared = take(rest);
  if (!size || !resident || !shared || *shared > *resident) return std::nullopt;
  return (*resident - *shared) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace perilune::host
