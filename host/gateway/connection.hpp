#pragma once

/// @file
/// One client's socket: its buffers, its fiber, and how that fiber waits.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "host/gateway/fiber.hpp"
#include "host/gateway/loop.hpp"
#include "host/gateway/thread_state.hpp"
#include "runtime/base/unique_fd.hpp"

namespace perilune::host {

/// Bytes received and not used yet. Views stay valid until the next `append`, `reserve` or
/// `consume`.
class InputBuffer {
 public:
  [[nodiscard]] std::string_view bytes() const noexcept { return {data_.get() + begin_, size_}; }
  /// Makes room for at least `bytes` more behind what is there.
  void reserve(std::size_t bytes);
  [[nodiscard]] char* free_space() noexcept { return data_.get() + begin_ + size_; }
  [[nodiscard]] std::size_t free_size() const noexcept { return capacity_ - begin_ - size_; }
  void commit(std::size_t bytes) noexcept { size_ += bytes; }
  void consume(std::size_t bytes) noexcept;
  /// Removes bytes that lie behind the first `offset`; views of those stay valid.
  void consume_after(std::size_t offset, std::size_t bytes) noexcept;
  void append(std::string_view bytes);
  /// Gives back memory that a large head took.
  void shrink() noexcept;

 private:
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
};

/// Who wants to know that output was written.
class OutputListener {
 public:
  /// From the loop, after a write; `left` bytes are still to be written.
  virtual void on_written(std::size_t left) = 0;

 protected:
  ~OutputListener() = default;
};

/// `wait`, `drained` and `linger` suspend the connection's own fiber; the rest does not suspend.
class Connection final : public Source {
 public:
  enum class Received : std::uint8_t { Bytes, Nothing, Closed };

  /// `body` runs as the connection's fiber; it must not throw.
  Connection(ThreadState& state, UniqueFd fd, std::string client,
             std::function<void(Connection&)> body);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() = default;

  // -- from the fiber -----------------------------------------------------------------------------
  /// Suspends until something happens or until `deadline`; false: the deadline came. Ask again what
  /// happened.
  [[nodiscard]] bool wait(TimePoint deadline);
  /// Reads once into `in`, without suspending.
  [[nodiscard]] Received receive(std::size_t at_least);
  /// Reads once into `into`; `count` is what came.
  [[nodiscard]] Received receive(char* into, std::size_t size, std::size_t& count);
  /// Suspends until at most `left` bytes wait to be written; false when the client is gone.
  [[nodiscard]] bool drained(std::size_t left);
  /// Ends the sending side and reads on for a moment, so that the client gets the answer before the
  /// reset that unread bytes would cause.
  void linger();

  // -- from anywhere on the thread
  // ------------------------------------------------------------------
  /// Output of this turn: append, then `written_to`.
  [[nodiscard]] std::string& out() noexcept { return out_; }
  void written_to();
  [[nodiscard]] std::size_t unwritten() const noexcept { return out_.size() - sent_; }
  void wake();
  /// The fiber is to come to its end: `gone()` is true from now on.
  void abort();
  /// The same, and the client gets a reset: what it has is not all.
  void cut();
  void resume();
  void flush();
  void check_deadlines();
  void on_ready(std::uint32_t events) override;

  /// Nothing can be sent any more, or nobody reads it: the socket broke, or the client has closed
  /// its side.
  [[nodiscard]] bool gone() const noexcept { return broken_ || peer_closed_; }
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  [[nodiscard]] bool ended() const noexcept { return fiber_.ended(); }
  [[nodiscard]] const std::string& client() const noexcept { return client_; }

  InputBuffer in;
  OutputListener* listener = nullptr;
  bool idle = true;      ///< between two requests
  std::size_t slot = 0;  ///< in the thread's list

 private:
  ThreadState& state_;
  UniqueFd fd_;
  std::string client_;
  std::string out_;
  std::size_t sent_ = 0;
  TimePoint deadline_ = TimePoint::max();
  TimePoint write_deadline_ = TimePoint::max();
  bool readable_ = false;
  bool writable_ = true;
  bool peer_closed_ = false;
  bool broken_ = false;
  bool signal_ = false;
  bool waiting_ = false;
  bool timed_out_ = false;
  bool queued_ = false;
  bool draining_ = false;
  bool unwritten_listed_ = false;
  Fiber fiber_;
};

}  // namespace perilune::host
