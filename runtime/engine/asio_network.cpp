#include "runtime/engine/asio_network.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

#include "runtime/base/unique_fd.hpp"

namespace perilune::runtime {

namespace asio = boost::asio;

struct AsioNetwork::Shared {
  explicit Shared(asio::io_context& io) : loop{io} {}
  asio::io_context& loop;
  std::size_t waiting = 0;
};

namespace {

using Descriptor = asio::posix::stream_descriptor;
using SharedPtr = std::shared_ptr<AsioNetwork::Shared>;

/// After so many successes in a row a stream pretends to block once, so that the other fibers and
/// the event loop get their turn.
constexpr unsigned kStreak = 32;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const noexcept {
    return static_cast<const sockaddr*>(static_cast<const void*>(&storage));
  }
  [[nodiscard]] sockaddr* get() noexcept {
    return static_cast<sockaddr*>(static_cast<void*>(&storage));
  }
};

SocketAddress to_native(const Endpoint& endpoint) {
  SocketAddress out;
  const auto& bytes = endpoint.address.bytes();
  if (endpoint.address.is_v6()) {
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(endpoint.port);
    six.sin6_scope_id = endpoint.address.scope();
    std::memcpy(&six.sin6_addr, bytes.data(), 16);
    std::memcpy(&out.storage, &six, sizeof six);
    out.size = sizeof six;
  } else {
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(endpoint.port);
    std::memcpy(&four.sin_addr, bytes.data(), 4);
    std::memcpy(&out.storage, &four, sizeof four);
    out.size = sizeof four;
  }
  return out;
}

Endpoint from_native(const SocketAddress& address) {
  if (address.storage.ss_family == AF_INET6) {
    sockaddr_in6 six{};
    std::memcpy(&six, &address.storage, sizeof six);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &six.sin6_addr, 16);
    return {IpAddress::v6(bytes, six.sin6_scope_id), ntohs(six.sin6_port)};
  }
  sockaddr_in four{};
  std::memcpy(&four, &address.storage, sizeof four);
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &four.sin_addr, 4);
  return {IpAddress::v4(bytes), ntohs(four.sin_port)};
}

Endpoint endpoint_of(int fd, int (*get)(int, sockaddr*, socklen_t*)) {
  SocketAddress address;
  address.size = sizeof address.storage;
  return get(fd, address.get(), &address.size) == 0 ? from_native(address) : Endpoint{};
}

struct Option {
  std::string_view name;
  int level;
  int number;
};
constexpr std::array<Option, 11> kOptions{{
    {"reuse_address", SOL_SOCKET, SO_REUSEADDR},
    {"keep_alive", SOL_SOCKET, SO_KEEPALIVE},
    {"debug", SOL_SOCKET, SO_DEBUG},
    {"do_not_route", SOL_SOCKET, SO_DONTROUTE},
    {"out_of_band_inline", SOL_SOCKET, SO_OOBINLINE},
    {"send_buffer_size", SOL_SOCKET, SO_SNDBUF},
    {"receive_buffer_size", SOL_SOCKET, SO_RCVBUF},
    {"send_low_watermark", SOL_SOCKET, SO_SNDLOWAT},
    {"receive_low_watermark", SOL_SOCKET, SO_RCVLOWAT},
    {"tcp_no_delay", IPPROTO_TCP, TCP_NODELAY},
    {"v6_only", IPPROTO_IPV6, IPV6_V6ONLY},
}};

IoError set_native_option(int fd, std::string_view name, std::int64_t value) {
  if (name == "enable_connection_aborted") return {};
  for (const Option& option : kOptions) {
    if (option.name != name) continue;
    const int number = static_cast<int>(value);
    const int failed = ::setsockopt(fd, option.level, option.number, &number, sizeof number);
    return failed == 0 ? IoError{} : system_io_error(errno);
  }
  return system_io_error(ENOPROTOOPT);
}

/// A descriptor and who waits for it. Shared with the handlers of waits that are under way.
class Waits : public std::enable_shared_from_this<Waits> {
 public:
  Waits(SharedPtr shared, int fd) : shared_{std::move(shared)}, descriptor_{shared_->loop, fd} {}
  Waits(const Waits&) = delete;
  Waits& operator=(const Waits&) = delete;
  ~Waits() = default;

  [[nodiscard]] int fd() { return descriptor_.native_handle(); }
  [[nodiscard]] bool is_open() const { return descriptor_.is_open(); }

  void wait(Descriptor::wait_type type, IoWaiter* waiter) {
    Side& side = type == Descriptor::wait_read ? read_ : write_;
    set(side, waiter);
    if (waiter == nullptr || std::exchange(side.armed, true)) return;
    descriptor_.async_wait(type, [self = shared_from_this(), &side](boost::system::error_code) {
      side.armed = false;
      IoWaiter* const woken = side.waiter;
      self->set(side, nullptr);
      if (woken != nullptr) woken->wake();
    });
  }

  void close() {
    boost::system::error_code ignored;
    descriptor_.close(ignored);
  }

  /// Drops the waiters: their owner is gone.
  void abandon() {
    set(read_, nullptr);
    set(write_, nullptr);
    close();
  }

 private:
  struct Side {
    IoWaiter* waiter = nullptr;
    bool armed = false;
  };
  void set(Side& side, IoWaiter* waiter) {
    if (waiter != nullptr && side.waiter == nullptr) ++shared_->waiting;
    if (waiter == nullptr && side.waiter != nullptr) --shared_->waiting;
    side.waiter = waiter;
  }

  SharedPtr shared_;
  Descriptor descriptor_;
  Side read_;
  Side write_;
};

class AsioStream final : public Stream {
 public:
  AsioStream(const SharedPtr& shared, UniqueFd fd, bool connecting)
      : waits_{std::make_shared<Waits>(shared, fd.release())}, connecting_{connecting} {}
  AsioStream(const AsioStream&) = delete;
  AsioStream& operator=(const AsioStream&) = delete;
  ~AsioStream() override { waits_->abandon(); }

  IoResult read_some(std::span<std::byte> into) override {
    if (!waits_->is_open()) return {0, system_io_error(EBADF)};
    if (++read_streak_ > kStreak) {
      read_streak_ = 0;
      return {0, would_block_error()};
    }
    const auto got = ::recv(waits_->fd(), into.data(), into.size(), 0);
    if (got > 0) return {static_cast<std::size_t>(got), {}};
    if (got == 0) return {0, misc_io_error(kMiscEof)};
    read_streak_ = 0;
    return {0, system_io_error(errno)};
  }

  IoResult write_some(std::span<const std::byte> from) override {
    if (!waits_->is_open()) return {0, system_io_error(EBADF)};
    if (++write_streak_ > kStreak) {
      write_streak_ = 0;
      return {0, would_block_error()};
    }
    const auto put = ::send(waits_->fd(), from.data(), from.size(), MSG_NOSIGNAL);
    if (put >= 0) return {static_cast<std::size_t>(put), {}};
    write_streak_ = 0;
    return {0, system_io_error(errno)};
  }

  void wait_readable(IoWaiter* waiter) override { waits_->wait(Descriptor::wait_read, waiter); }
  void wait_writable(IoWaiter* waiter) override { waits_->wait(Descriptor::wait_write, waiter); }

  IoError shutdown(StreamEnd end) override {
    const int how = end == StreamEnd::Receive ? SHUT_RD
                    : end == StreamEnd::Send  ? SHUT_WR
                                              : SHUT_RDWR;
    return ::shutdown(waits_->fd(), how) == 0 ? IoError{} : system_io_error(errno);
  }
  void close() override { waits_->close(); }
  bool is_open() const override { return waits_->is_open(); }
  Endpoint local() const override { return endpoint_of(waits_->fd(), ::getsockname); }
  Endpoint remote() const override { return endpoint_of(waits_->fd(), ::getpeername); }
  IoError set_option(std::string_view name, std::int64_t value) override {
    return set_native_option(waits_->fd(), name, value);
  }

  IoError connect_result() {
    if (!connecting_) return {};
    pollfd poll{waits_->fd(), POLLOUT, 0};
    if (::poll(&poll, 1, 0) == 0) return would_block_error();
    connecting_ = false;
    int number = 0;
    socklen_t size = sizeof number;
    if (::getsockopt(waits_->fd(), SOL_SOCKET, SO_ERROR, &number, &size) != 0) number = errno;
    return number == 0 ? IoError{} : system_io_error(number);
  }

 private:
  std::shared_ptr<Waits> waits_;
  unsigned read_streak_ = 0;
  unsigned write_streak_ = 0;
  bool connecting_;
};

class AsioAcceptor final : public Acceptor {
 public:
  AsioAcceptor(SharedPtr shared, UniqueFd fd)
      : shared_{std::move(shared)}, waits_{std::make_shared<Waits>(shared_, fd.release())} {}
  AsioAcceptor(const AsioAcceptor&) = delete;
  AsioAcceptor& operator=(const AsioAcceptor&) = delete;
  ~AsioAcceptor() override { waits_->abandon(); }

  IoError set_option(std::string_view name, std::int64_t value) override {
    return set_native_option(waits_->fd(), name, value);
  }
  IoError bind(const Endpoint& endpoint) override {
    const SocketAddress address = to_native(endpoint);
    return checked(::bind(waits_->fd(), address.get(), address.size));
  }
  IoError listen(int backlog) override { return checked(::listen(waits_->fd(), backlog)); }

  std::unique_ptr<Stream> accept(IoError& error) override {
    error = {};
    UniqueFd fd{::accept4(waits_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (fd) return std::make_unique<AsioStream>(shared_, std::move(fd), false);
    // A client that is gone before it was accepted is no failure of the acceptor.
    error = errno == ECONNABORTED ? would_block_error() : system_io_error(errno);
    return nullptr;
  }
  void wait_acceptable(IoWaiter* waiter) override { waits_->wait(Descriptor::wait_read, waiter); }
  void close() override { waits_->close(); }
  bool is_open() const override { return waits_->is_open(); }
  Endpoint local() const override { return endpoint_of(waits_->fd(), ::getsockname); }

 private:
  static IoError checked(int result) { return result == 0 ? IoError{} : system_io_error(errno); }

  SharedPtr shared_;
  std::shared_ptr<Waits> waits_;
};

UniqueFd open_socket(bool v6, IoError& error) {
  UniqueFd fd{::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  error = fd ? IoError{} : system_io_error(errno);
  return fd;
}

}  // namespace

AsioNetwork::AsioNetwork(asio::io_context& loop) : shared_{std::make_shared<Shared>(loop)} {}
AsioNetwork::~AsioNetwork() = default;

std::unique_ptr<Acceptor> AsioNetwork::open_acceptor(Vm&, bool v6, IoError& error) {
  UniqueFd fd = open_socket(v6, error);
  if (error) return nullptr;
  return std::make_unique<AsioAcceptor>(shared_, std::move(fd));
}

std::unique_ptr<Stream> AsioNetwork::connect(Vm&, const Endpoint& remote, const Endpoint* local,
                                             IoError& error) {
  UniqueFd fd = open_socket(remote.address.is_v6(), error);
  if (error) return nullptr;
  if (local != nullptr) {
    const SocketAddress from = to_native(*local);
    if (::bind(fd.get(), from.get(), from.size) != 0) {
      error = system_io_error(errno);
      return nullptr;
    }
  }
  const SocketAddress to = to_native(remote);
  const bool done = ::connect(fd.get(), to.get(), to.size) == 0;
  if (!done && errno != EINPROGRESS) {
    error = system_io_error(errno);
    return nullptr;
  }
  return std::make_unique<AsioStream>(shared_, std::move(fd), !done);
}

IoError AsioNetwork::connect_result(Stream& stream) {
  auto* own = dynamic_cast<AsioStream*>(&stream);
  return own != nullptr ? own->connect_result() : IoError{};
}

std::size_t AsioNetwork::waiting() const noexcept { return shared_->waiting; }

}  // namespace perilune::runtime
