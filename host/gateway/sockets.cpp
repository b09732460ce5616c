#include "host/gateway/sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace perilune::host {
namespace {

constexpr int kBacklog = 4096;

std::string format_client(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    return std::string{text.data()} + ':' + std::to_string(ntohs(v4.sin_port));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
  return '[' + std::string{text.data()} + "]:" + std::to_string(ntohs(v6.sin6_port));
}

Failure failed(const boost::asio::ip::tcp::endpoint& endpoint, int number) {
  const std::string where =
      "listen on " + endpoint.address().to_string() + ':' + std::to_string(endpoint.port());
  Failure failure = system_failure(where, number);
  failure.code = number == EADDRINUSE ? "address_in_use" : "listen_failed";
  return failure;
}

}  // namespace

Result<UniqueFd> listen_on(const boost::asio::ip::tcp::endpoint& endpoint, bool shared) {
  UniqueFd fd{
      ::socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) return failed(endpoint, errno);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (shared && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
    return failed(endpoint, errno);
  // Accepted sockets inherit it.
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::bind(fd.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
      ::listen(fd.get(), kBacklog) != 0)
    return failed(endpoint, errno);
  return fd;
}

std::uint16_t bound_port(int listener) noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(address).sin_port
                                            : reinterpret_cast<sockaddr_in6&>(address).sin6_port);
}

Accepted accept_client(int listener) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int fd = ::accept4(listener, reinterpret_cast<sockaddr*>(&address), &size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
  Accepted accepted;
  if (fd >= 0) {
    accepted.fd.reset(fd);
    accepted.client = format_client(address);
  } else {
    accepted.exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
  }
  return accepted;
}

}  // namespace perilune::host
