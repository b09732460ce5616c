#pragma once

/// @file
/// What a gateway gives an app's `http.socket`: requests that somebody else has parsed, and a way
/// to answer them. The worker implements it over link frames; the `http` module drives it.
///
/// A *virtual connection* is like an upstream keep-alive connection: it carries one request at a
/// time, and while its fiber sits in `read_request` it is idle and may be handed the next one.
/// Everything happens on the VM's thread; nothing here blocks, suspends or throws.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/base/result.hpp"
#include "runtime/link/messages.hpp"

namespace perilune::runtime {

class Invocation;
class Vm;

/// Told by a connection that something changed. The `http` module implements it; calls may come
/// from outside `Vm::run()` and only make fibers ready.
class GatewayListener {
 public:
  virtual ~GatewayListener() = default;
  /// `request()` is set: the connection was idle.
  virtual void on_request() noexcept = 0;
  /// More of the body, its end or its trailers are there.
  virtual void on_body() noexcept = 0;
  /// `send_body` takes bytes again.
  virtual void on_credit() noexcept = 0;
  /// The request is over (client gone, time up) or the worker stops: `closed()` is true from now.
  virtual void on_closed() noexcept = 0;
};

/// One virtual connection. Its owner is the Lua socket; the destructor means "the app gave it up"
/// (an unanswered request then ends with an error).
class GatewayConnection {
 public:
  virtual ~GatewayConnection() = default;

  /// Who is told; nullptr: nobody. At most one.
  virtual void set_listener(GatewayListener* listener) noexcept = 0;

  // -- the request ------------------------------------------------------------------------------

  /// The request that this connection carries, or nullptr. Stays, with all its views, until
  /// `await_request` or destruction.
  [[nodiscard]] virtual const link::RequestHead* request() const noexcept = 0;
  /// The request's invocation (nullptr without a request): `read_request` puts its fiber under it.
  [[nodiscard]] virtual Invocation* invocation() const noexcept = 0;
  /// Forgets the answered request and is idle: a request may come by `on_request` from now on.
  virtual void await_request() noexcept = 0;
  /// No longer idle, without a request (the fiber was interrupted). The connection is closed then.
  virtual void stop_awaiting() noexcept = 0;

  /// Body bytes that are there; empty if none (yet).
  [[nodiscard]] virtual std::string_view body() const noexcept = 0;
  /// Takes the first `bytes` of `body()` away; the gateway may send as many more.
  virtual void consume(std::size_t bytes) noexcept = 0;
  /// No byte will follow `body()`; trailers are complete.
  [[nodiscard]] virtual bool body_ended() const noexcept = 0;
  [[nodiscard]] virtual std::span<const link::Header> trailers() const noexcept = 0;

  // -- the response -----------------------------------------------------------------------------

  /// Sends "100 Continue".
  virtual void send_continue() noexcept = 0;
  /// Sends the head and the first bytes of `body` in one frame; `end`: they are all of it. Returns
  /// how many bytes went (what the credit and one frame allow); the end is sent only if all went.
  /// The head is within the limits `response_headers` and `response_header_count`.
  [[nodiscard]] virtual std::size_t send_response(const link::ResponseHead& head,
                                                  std::string_view body, bool end) noexcept = 0;
  /// As `send_response` for further bytes. With an empty `body` and `end` it sends just the end.
  [[nodiscard]] virtual std::size_t send_body(std::string_view body, bool end) noexcept = 0;
  /// Ends the response with trailers.
  virtual void send_trailers(std::span<const link::Header> trailers) noexcept = 0;

  /// The app closes the connection: an unfinished response is cut.
  virtual void close() noexcept = 0;
  [[nodiscard]] virtual bool closed() const noexcept = 0;
};

/// Runs the app's handler (see `Vm::has_handler`) for the request that `connection` already
/// carries: a fiber under its invocation calls `handler(sock, req, res)`; if nothing was written
/// when it returns, `res` is sent (status 200 by default).
///
/// `on_end(error)` is called once on the VM's thread when that fiber has ended, after the response
/// was handed to `connection` if there is one; `error` (with traceback) is nullptr if it returned.
/// The connection may be destroyed before or after. Fails (without calling `on_end`) when the VM
/// is out of memory or may have no more fibers; the connection is destroyed then.
[[nodiscard]] Result<void> start_handler(Vm& vm, std::unique_ptr<GatewayConnection> connection,
                                         std::function<void(const std::string* error)> on_end);

}  // namespace perilune::runtime
