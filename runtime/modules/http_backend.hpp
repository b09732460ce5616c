#pragma once

/// @file
/// What an `http.socket` needs of the thing beneath it: a gateway's connection, or HTTP/1.1 over a
/// byte stream.
///
/// Calls never block. Each does what is possible now; `Pending` means: wait to be woken, then call
/// again (reads) or call `flush` (writes). The socket keeps the order of the state machine, so a
/// backend need not check it. VM's thread only.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/link/messages.hpp"
#include "runtime/modules/http_message.hpp"
#include "runtime/modules/net_backend.hpp"

namespace perilune::runtime {

class Invocation;

/// Errors of the category "http"; the values are what scripts see.
enum class HttpErrc : std::uint8_t {
  OutOfOrder = 1,
  NativeStreamUnsupported = 2,
  ParsingError = 3,
  BufferExhausted = 4,
  WrongDirection = 5,
  BodyTooLarge = 6,
  HeadersTooLarge = 7,
  InvalidHeader = 8,
  ContentLengthMismatch = 9,
};

/// snake_case name and sentence of an error.
[[nodiscard]] std::string_view name(HttpErrc code) noexcept;
[[nodiscard]] std::string_view sentence(HttpErrc code) noexcept;

/// Why an operation failed: one of HTTP's own errors, or the network's.
struct HttpFault {
  HttpErrc http{};     ///< 0: see `io`
  std::string detail;  ///< what exactly, for a person; may be empty
  IoError io;
};

enum class Step : std::uint8_t { Done, Pending, Failed };

enum class ReadState : std::uint8_t { Empty, MessageReady, BodyReady, Finished };
enum class WriteState : std::uint8_t { Empty, ContinueIssued, MetadataIssued, Finished };

/// The head of an outgoing message, checked: views into the message.
struct OutgoingHead {
  MessageKind kind = MessageKind::Response;
  std::string_view method;
  std::string_view target;
  /// status, reason, fields without framing; content_length UINT64_MAX: streamed.
  link::ResponseHead response;
  bool has_length = true;  ///< false: no content-length on the wire at all (1xx, 204, 304)
  bool send_body = true;   ///< false: HEAD, 1xx, 204, 304
  bool close = false;      ///< the app asked for "connection: close"
  bool upgrade = false;    ///< the app asked for "connection: upgrade"
};

/// What may be read: from the socket's options.
struct HttpLimits {
  std::size_t target = 0;
  std::size_t header = 0;
  std::size_t headers = 0;
  std::size_t header_count = 0;
  std::size_t body = 0;  ///< held by one message
  std::size_t response_headers = 0;
  std::size_t response_header_count = 0;
};

class HttpBackend {
 public:
  virtual ~HttpBackend() = default;

  /// Woken when a pending read or write can go on; each at most one, nullptr: none.
  virtual void set_waiters(IoWaiter* reader, IoWaiter* writer) noexcept = 0;
  /// Valid after a `Failed`.
  [[nodiscard]] const HttpFault& fault() const noexcept { return fault_; }

  // -- reading: `into` is cleared by the socket before the first call
  // ------------------------------
  [[nodiscard]] virtual Step read_request(HttpMessage& into, const HttpLimits& limits,
                                          ReadState& state) = 0;
  [[nodiscard]] virtual Step read_response(HttpMessage& into, const HttpLimits& limits,
                                           ReadState& state) = 0;
  [[nodiscard]] virtual Step read_some(HttpMessage& into, const HttpLimits& limits,
                                       ReadState& state) = 0;

  // -- writing: what views point to stays until `flush` is done
  // ------------------------------------
  [[nodiscard]] virtual Step write_continue() = 0;
  /// Head and whole body.
  [[nodiscard]] virtual Step write_message(const OutgoingHead& head, std::string_view body) = 0;
  [[nodiscard]] virtual Step write_head(const OutgoingHead& head) = 0;
  [[nodiscard]] virtual Step write_piece(std::string_view body) = 0;
  /// `trailers` may be nullptr.
  [[nodiscard]] virtual Step write_end(const HeaderMap* trailers) = 0;
  [[nodiscard]] virtual Step flush() = 0;

  /// The response to the last request is out: what is left of the request's body is of no interest.
  virtual void finish_exchange() = 0;
  /// False if the peer cannot take a stream of unknown length.
  [[nodiscard]] virtual bool native_stream() const noexcept = 0;
  /// The method of the request whose response is due is HEAD / CONNECT.
  [[nodiscard]] virtual bool answers_head() const noexcept = 0;
  [[nodiscard]] virtual bool answers_connect() const noexcept { return false; }
  /// Client: speak HTTP/1.0.
  virtual void lock_to_http10() noexcept {}
  /// The gateway's invocation that the request runs under; nullptr: none.
  [[nodiscard]] virtual Invocation* invocation() const noexcept { return nullptr; }
  /// True if requests come with an invocation of their own.
  [[nodiscard]] virtual bool has_invocations() const noexcept { return false; }
  /// After a 101: the byte stream with what was already read of it; nullptr if there is none.
  [[nodiscard]] virtual std::shared_ptr<Stream> release_stream() { return nullptr; }

  virtual void close() noexcept = 0;
  [[nodiscard]] virtual bool is_open() const noexcept = 0;

 protected:
  Step fail(HttpErrc code, std::string detail = {});
  Step fail(IoError error);

 private:
  HttpFault fault_;
};

/// Makes the backend for a byte stream.
using MakeStreamBackend = std::unique_ptr<HttpBackend> (*)(Vm& vm, std::shared_ptr<Stream> stream);

/// Grants `vm` HTTP over byte streams; without it `http.socket` takes gateway connections only.
void set_http_stream_backend(Vm& vm, MakeStreamBackend make);
[[nodiscard]] MakeStreamBackend http_stream_backend_of(Vm& vm);

/// The backend over a gateway's connection.
[[nodiscard]] std::unique_ptr<HttpBackend> make_gateway_backend(
    std::unique_ptr<GatewayConnection> connection);

}  // namespace perilune::runtime
