#pragma once

/// @file
/// The gateway's listening sockets and what comes out of them.

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"

namespace perilune::host {

/// A non-blocking listener. `shared`: SO_REUSEPORT, so that each thread has its own. Fails with
/// `address_in_use` or `listen_failed`, naming the address.
[[nodiscard]] Result<UniqueFd> listen_on(const boost::asio::ip::tcp::endpoint& endpoint,
                                         bool shared);
[[nodiscard]] std::uint16_t bound_port(int listener) noexcept;

struct Accepted {
  UniqueFd fd;
  std::string client;      ///< "127.0.0.1:4711"
  bool exhausted = false;  ///< no descriptor or memory left: pause
};
/// Does not block; without a descriptor nobody waits.
[[nodiscard]] Accepted accept_client(int listener);

}  // namespace perilune::host
