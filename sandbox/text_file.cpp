#include "sandbox/text_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "runtime/base/unique_fd.hpp"

namespace perilune::sandbox {

std::optional<std::string> read_text(const std::string& path) {
  constexpr std::size_t kMost = 1U << 20U;
  const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!file) return std::nullopt;
  std::string text;
  std::array<char, 4096> piece{};
  while (text.size() < kMost) {
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

int write_text(const std::string& path, std::string_view text) {
  const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!file) return -1;
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  return written == static_cast<ssize_t>(text.size()) ? 0 : -1;
}

}  // namespace perilune::sandbox
