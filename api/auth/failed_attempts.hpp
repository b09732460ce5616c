#pragma once

/// @file
/// Slows down whoever guesses tokens.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "api/model.hpp"

namespace perilune::api {

/// Counts failed authentications per client address in windows of a minute. Bounded: beyond 4,096
/// addresses the expired ones go, then all. Not thread-safe.
class FailedAttempts {
 public:
  static constexpr std::uint32_t kMost = 20;  ///< in a window
  static constexpr UnixMs kWindow = 60000;

  /// Seconds to wait when this address has failed too often, else 0. `client` is "ADDRESS:PORT".
  [[nodiscard]] std::uint32_t blocked_for(std::string_view client, UnixMs now);
  void failed(std::string_view client, UnixMs now);

 private:
  struct Window {
    UnixMs began = 0;
    std::uint32_t count = 0;
  };
  std::map<std::string, Window, std::less<>> windows_;
};

}  // namespace perilune::api
