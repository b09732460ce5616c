#pragma once

/// @file
/// What the `ip` module needs of a network: acceptors and byte streams, without saying whose.
///
/// Two networks exist: `VirtualNetwork` (the app's own world, no operating system) and the engine's
/// over real sockets. Calls never block: they do what is possible now or report `kWouldBlock`, and
/// a `IoWaiter` is woken when trying again makes sense. Everything happens on the VM's thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/modules/ip_address.hpp"

namespace perilune::runtime {

class GatewayConnection;
class Vm;

/// Why an operation failed, in the terms of the error values that scripts see.
struct IoError {
  enum class Category : std::uint8_t { None, System, Misc, Policy };
  Category category = Category::None;
  int code = 0;             ///< errno, or a `kMisc...` value
  std::string detail = {};  ///< for `Policy`: the rule, in a sentence

  [[nodiscard]] explicit operator bool() const noexcept { return category != Category::None; }
  [[nodiscard]] bool would_block() const noexcept;
};

/// Codes of the category "asio.misc".
inline constexpr int kMiscAlreadyOpen = 1;
inline constexpr int kMiscEof = 2;

[[nodiscard]] IoError system_io_error(int number);
[[nodiscard]] IoError misc_io_error(int code);
[[nodiscard]] IoError would_block_error();

struct IoResult {
  std::size_t bytes = 0;
  IoError error;
};

/// Woken when the thing that it waits for may be possible now, or never will be: try again.
class IoWaiter {
 public:
  virtual void wake() noexcept = 0;

 protected:
  ~IoWaiter() = default;
};

enum class StreamEnd : std::uint8_t { Receive, Send, Both };

/// A connected (or connecting) byte stream. The destructor closes it.
class Stream {
 public:
  virtual ~Stream() = default;

  /// Reads at least one byte unless it fails: would block, end of file (`kMiscEof`), or an error.
  [[nodiscard]] virtual IoResult read_some(std::span<std::byte> into) = 0;
  [[nodiscard]] virtual IoResult write_some(std::span<const std::byte> from) = 0;
  /// Registers the one waiter per direction (nullptr: none), woken once.
  virtual void wait_readable(IoWaiter* waiter) = 0;
  virtual void wait_writable(IoWaiter* waiter) = 0;

  [[nodiscard]] virtual IoError shutdown(StreamEnd end) = 0;
  /// Wakes both waiters: what they try next fails with EBADF (as `operation_aborted` for scripts).
  virtual void close() = 0;
  [[nodiscard]] virtual bool is_open() const = 0;
  [[nodiscard]] virtual Endpoint local() const = 0;
  [[nodiscard]] virtual Endpoint remote() const = 0;
  [[nodiscard]] virtual IoError set_option(std::string_view name, std::int64_t value) = 0;

  /// A stream that is really a gateway's connection gives that away here (once); else nullptr.
  [[nodiscard]] virtual std::unique_ptr<GatewayConnection> take_gateway();
};

/// A listening socket. The destructor closes it.
class Acceptor {
 public:
  virtual ~Acceptor() = default;

  [[nodiscard]] virtual IoError set_option(std::string_view name, std::int64_t value) = 0;
  [[nodiscard]] virtual IoError bind(const Endpoint& endpoint) = 0;
  [[nodiscard]] virtual IoError listen(int backlog) = 0;
  /// The next connection; nullptr with an error (would block, or a real one).
  [[nodiscard]] virtual std::unique_ptr<Stream> accept(IoError& error) = 0;
  virtual void wait_acceptable(IoWaiter* waiter) = 0;
  /// True if requests arrive here, each with an invocation of its own: a fiber that accepts is done
  /// with the request that it worked on.
  [[nodiscard]] virtual bool delivers_requests() const noexcept { return false; }
  virtual void close() = 0;
  [[nodiscard]] virtual bool is_open() const = 0;
  [[nodiscard]] virtual Endpoint local() const = 0;
};

/// A place to open sockets in. Outlives the VM that uses it.
class Network {
 public:
  virtual ~Network() = default;
  [[nodiscard]] virtual std::unique_ptr<Acceptor> open_acceptor(Vm& vm, bool v6,
                                                                IoError& error) = 0;
  /// Starts a connection from `local` (nullptr: any). The stream becomes writable when it is
  /// connected; `connect_result` then tells how it went (would block: not yet).
  [[nodiscard]] virtual std::unique_ptr<Stream> connect(Vm& vm, const Endpoint& remote,
                                                        const Endpoint* local, IoError& error) = 0;
  [[nodiscard]] virtual IoError connect_result(Stream& stream) = 0;
};

/// Grants `vm` this network: without one, `ip` refuses to open anything. Once, before it starts.
void set_network(Vm& vm, Network& network);
/// The network that `vm` was granted, or nullptr.
[[nodiscard]] Network* network_of(Vm& vm);

}  // namespace perilune::runtime
