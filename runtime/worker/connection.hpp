#pragma once

/// @file
/// A virtual connection over the link: what the `http` module drives, one stream after the other.

#include <cstddef>
#include <span>
#include <string_view>

#include "runtime/modules/http_gateway.hpp"
#include "runtime/worker/gateway.hpp"

namespace perilune::worker {

/// See `GatewayConnection` for the contract. Frames are appended to the stream's port at once and
/// sent at the end of the turn.
class Connection final : public runtime::GatewayConnection {
 public:
  Connection(Gateway& gateway, Stream& stream) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() override;

  void set_listener(runtime::GatewayListener* listener) noexcept override { listener_ = listener; }

  [[nodiscard]] const link::RequestHead* request() const noexcept override;
  [[nodiscard]] runtime::Invocation* invocation() const noexcept override;
  void await_request() noexcept override;
  void stop_awaiting() noexcept override;

  [[nodiscard]] std::string_view body() const noexcept override;
  void consume(std::size_t bytes) noexcept override;
  [[nodiscard]] bool body_ended() const noexcept override;
  [[nodiscard]] std::span<const link::Header> trailers() const noexcept override;

  void send_continue() noexcept override;
  [[nodiscard]] std::size_t send_response(const link::ResponseHead& head, std::string_view body,
                                          bool end) noexcept override;
  [[nodiscard]] std::size_t send_body(std::string_view body, bool end) noexcept override;
  void send_trailers(std::span<const link::Header> trailers) noexcept override;

  void close() noexcept override;
  [[nodiscard]] bool closed() const noexcept override { return closed_; }

  // -- the gateway's side -----------------------------------------------------------------------
  /// An idle connection gets its next request.
  void carry(Stream& stream) noexcept;
  void tell_body() noexcept;
  void tell_credit() noexcept;
  /// The request is over before the app was done with it, or the worker stops.
  void cut() noexcept;

 private:
  [[nodiscard]] bool may_send() const noexcept;
  void leave_stream() noexcept;
  /// Holds the bytes against the declared length; false: the response is cut.
  [[nodiscard]] bool fits(std::size_t bytes, bool end) noexcept;
  void account(std::size_t bytes, bool end) noexcept;
  void complete() noexcept;

  Gateway& gateway_;
  Stream* stream_;
  runtime::GatewayListener* listener_ = nullptr;
  bool closed_ = false;
};

}  // namespace perilune::worker
