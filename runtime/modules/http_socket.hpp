#pragma once

/// @file
/// The HTTP socket's state machine: which call is allowed when, and what it leads to.
///
/// Symmetric: the first action makes it a server's or a client's socket. No Lua here; a call that
/// returns `Pending` goes on by `continue_read` / `continue_write` when the waiter is woken. One
/// read and one write may be pending at a time; a further one fails with EBUSY.

#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <memory>
#include <string_view>

#include "runtime/modules/http_backend.hpp"
#include "runtime/modules/http_output.hpp"

namespace perilune::runtime {

[[nodiscard]] std::string_view name(ReadState state) noexcept;
[[nodiscard]] std::string_view name(WriteState state) noexcept;

/// Messages are locked while an operation on them is pending. VM's thread only.
class HttpSocket : public boost::intrusive_ref_counter<HttpSocket, boost::thread_unsafe_counter> {
 public:
  enum class Direction : std::uint8_t { Unknown, Server, Client };
  enum class Piece : std::uint8_t { Body, Trailers, End };

  HttpSocket(std::unique_ptr<HttpBackend> backend, const HttpLimits& limits);
  HttpSocket(const HttpSocket&) = delete;
  HttpSocket& operator=(const HttpSocket&) = delete;
  ~HttpSocket();

  [[nodiscard]] ReadState read_state() const noexcept { return read_state_; }
  [[nodiscard]] WriteState write_state() const noexcept { return write_state_; }
  [[nodiscard]] Direction direction() const noexcept { return direction_; }
  [[nodiscard]] bool is_open() const noexcept { return backend_->is_open(); }
  [[nodiscard]] HttpBackend& backend() noexcept { return *backend_; }
  [[nodiscard]] HttpLimits& limits() noexcept { return limits_; }
  /// Valid after a `Failed`.
  [[nodiscard]] const HttpFault& fault() const noexcept { return fault_; }
  /// Nothing of the current response was written.
  [[nodiscard]] bool unanswered() const noexcept {
    return answering_ && !writing_ &&
           (write_state_ == WriteState::Empty || write_state_ == WriteState::ContinueIssued);
  }
  /// A handler's socket serves the one request that it came with.
  void limit_to_one_request() noexcept { requests_left_ = 0; }

  // -- reading ------------------------------------------------------------------------------------
  [[nodiscard]] Step read_request(MessagePtr into);
  [[nodiscard]] Step read_response(MessagePtr into);
  [[nodiscard]] Step read_some(MessagePtr into);
  [[nodiscard]] Step continue_read();
  void wait_read(IoWaiter* waiter) noexcept;

  // -- writing ------------------------------------------------------------------------------------
  [[nodiscard]] Step write_continue();
  /// `write_response`, `write_request`.
  [[nodiscard]] Step write_message(MessagePtr message);
  /// `write_response_metadata`, `write_request_metadata`.
  [[nodiscard]] Step write_metadata(MessagePtr message);
  [[nodiscard]] Step write_piece(MessagePtr message, Piece piece);
  [[nodiscard]] Step continue_write();
  void wait_write(IoWaiter* waiter) noexcept;

  /// Pending operations fail.
  void close() noexcept;
  /// The fiber that waits for a read (write) will not come back for it: closes the connection,
  /// since nobody knows how far it is, and unlocks the message.
  void abandon_read() noexcept;
  void abandon_write() noexcept;
  /// After a 101: the raw stream; the socket is closed. nullptr with a fault if it can't be had.
  [[nodiscard]] std::shared_ptr<Stream> upgrade();

 private:
  enum class Reading : std::uint8_t { None, Request, Response, Some };

  Step start_read(Reading what, MessagePtr into);
  Step read_done(Step step);
  Step write_done(Step step);
  Step begin_write(MessagePtr message, WriteState after, Step step);
  [[nodiscard]] bool may_begin_message(const HttpMessage& message);
  void finish_response();
  Step refuse(HttpErrc code, std::string detail = {});
  Step refuse(HttpFault fault);
  Step busy();

  std::unique_ptr<HttpBackend> backend_;
  HttpLimits limits_;
  HttpFault fault_;
  OutgoingHead head_;
  MessagePtr reading_into_;
  MessagePtr writing_from_;
  IoWaiter* reader_ = nullptr;
  IoWaiter* writer_ = nullptr;
  std::uint64_t unwritten_ = UINT64_MAX;  ///< bytes that content-length still promises
  std::uint32_t requests_left_ = UINT32_MAX;
  Direction direction_ = Direction::Unknown;
  ReadState read_state_ = ReadState::Empty;
  WriteState write_state_ = WriteState::Empty;
  WriteState write_after_ = WriteState::Empty;
  Reading reading_ = Reading::None;
  bool writing_ = false;
  bool answering_ = false;     ///< server: a request's head was read, its response is not out
  bool response_out_ = false;  ///< the response was complete while its request was being read
  bool drop_body_ = false;     ///< the response's body must not go on the wire (HEAD)
  bool switching_ = false;     ///< a 101 went out or came in
};

using HttpSocketPtr = boost::intrusive_ptr<HttpSocket>;

}  // namespace perilune::runtime
