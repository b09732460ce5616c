#include "api/auth/failed_attempts.hpp"

namespace perilune::api {
namespace {

constexpr std::size_t kMostAddresses = 4096;

std::string_view address(std::string_view client) { return client.substr(0, client.rfind(':')); }

}  // namespace

std::uint32_t FailedAttempts::blocked_for(std::string_view client, UnixMs now) {
  const auto found = windows_.find(address(client));
  if (found == windows_.end() || now - found->second.began >= kWindow ||
      found->second.count < kMost)
    return 0;
  return static_cast<std::uint32_t>((found->second.began + kWindow - now + 999) / 1000);
}

void FailedAttempts::failed(std::string_view client, UnixMs now) {
  if (windows_.size() >= kMostAddresses) {
    std::erase_if(windows_, [&](const auto& entry) { return now - entry.second.began >= kWindow; });
    if (windows_.size() >= kMostAddresses) windows_.clear();
  }
  Window& window = windows_[std::string{address(client)}];
  if (now - window.began >= kWindow) window = {now, 0};
  ++window.count;
}

}  // namespace perilune::api
