#include "runtime/engine/engine_host.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "runtime/base/unique_fd.hpp"

namespace perilune::runtime {
namespace {

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

EngineHost::EngineHost(Terminal terminal) : terminal_{std::move(terminal)} {
  if (!terminal_.warning.empty()) write_all(STDERR_FILENO, terminal_.warning + "\n");
}

void EngineHost::log(const LogLine& line) {
  if (line.panic != nullptr) {
    if (terminal_.panics) write_all(STDERR_FILENO, terminal_.show(*line.panic));
    return;
  }
  std::string text{line.message};
  text += '\n';
  write_all(line.severity == LogSeverity::Info ? STDOUT_FILENO : STDERR_FILENO, text);
}

std::optional<std::string> EngineHost::read_source(const std::string& path) {
  int ignored = 0;
  return read_file(path, ignored);
}

std::optional<std::string> read_file(const std::string& path, int& error) {
  const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  error = errno;
  if (!fd) return {};
  std::string text;
  std::array<char, 16 * 1024> piece{};
  for (;;) {
    const auto got = ::read(fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      error = errno;
      return {};
    }
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace perilune::runtime
