#include "host/gateway/connection.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace perilune::host {
namespace {

constexpr std::size_t kFirstBuffer = 4096;
constexpr std::size_t kKeptOutput = 64 * 1024;
constexpr std::chrono::seconds kLinger{2};
constexpr std::size_t kMostLingered = 1U << 20U;

}  // namespace

void InputBuffer::reserve(std::size_t bytes) {
  if (free_size() >= bytes) return;
  if (capacity_ - size_ >= bytes) {
    std::memmove(data_.get(), data_.get() + begin_, size_);
    begin_ = 0;
    return;
  }
  const std::size_t capacity = std::max({kFirstBuffer, capacity_ * 2, size_ + bytes});
  // Not make_unique: the bytes need not be cleared.
  std::unique_ptr<char[]> larger{new char[capacity]};
  if (size_ > 0) std::memcpy(larger.get(), data_.get() + begin_, size_);
  data_ = std::move(larger);
  capacity_ = capacity;
  begin_ = 0;
}

void InputBuffer::consume(std::size_t bytes) noexcept {
  begin_ += bytes;
  size_ -= bytes;
  if (size_ == 0) begin_ = 0;
}

void InputBuffer::consume_after(std::size_t offset, std::size_t bytes) noexcept {
  char* at = data_.get() + begin_ + offset;
  std::memmove(at, at + bytes, size_ - offset - bytes);
  size_ -= bytes;
}

void InputBuffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  reserve(bytes.size());
  std::memcpy(free_space(), bytes.data(), bytes.size());
  size_ += bytes.size();
}

void InputBuffer::shrink() noexcept {
  if (size_ > 0 || capacity_ <= kFirstBuffer) return;
  data_.reset();
  capacity_ = begin_ = 0;
}

Connection::Connection(ThreadState& state, UniqueFd fd, std::string client,
                       std::function<void(Connection&)> body)
    : state_{state},
      fd_{std::move(fd)},
      client_{std::move(client)},
      fiber_{state.stacks, [this, body = std::move(body)] { body(*this); }} {
  const std::uint32_t events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | std::uint32_t{EPOLLET};
  if (!state_.loop.add(fd_.get(), events, *this)) broken_ = true;
  queued_ = true;
  state_.ready.push_back(this);
}

void Connection::on_ready(std::uint32_t events) {
  if ((events & EPOLLIN) != 0) readable_ = true;
  if ((events & EPOLLRDHUP) != 0) peer_closed_ = true;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) broken_ = true;
  if ((events & EPOLLOUT) != 0 && !std::exchange(writable_, true)) written_to();
  if ((events & ~std::uint32_t{EPOLLOUT}) != 0) wake();
}

void Connection::wake() {
  signal_ = true;  // a running fiber looks at it before it suspends
  if (waiting_ && !std::exchange(queued_, true)) state_.ready.push_back(this);
}

void Connection::resume() {
  queued_ = false;
  if (!ended()) fiber_.resume();
}

bool Connection::wait(TimePoint deadline) {
  if (!std::exchange(signal_, false)) {
    if (deadline <= state_.now) return false;
    deadline_ = deadline;
    state_.note(deadline);
    waiting_ = true;
    timed_out_ = false;
    fiber_.suspend();
    waiting_ = false;
    deadline_ = TimePoint::max();
    signal_ = false;
    return !timed_out_;
  }
  return deadline > state_.now;
}

void Connection::check_deadlines() {
  if (write_deadline_ <= state_.now) {
    broken_ = true;
    wake();
  } else if (deadline_ <= state_.now) {
    deadline_ = TimePoint::max();
    timed_out_ = true;
    wake();
  }
  state_.note(std::min(deadline_, write_deadline_));
}

void Connection::abort() {
  broken_ = true;
  wake();
}

void Connection::cut() {
  const ::linger now{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  abort();
}

Connection::Received Connection::receive(std::size_t at_least) {
  in.reserve(at_least);
  std::size_t count = 0;
  const Received result = receive(in.free_space(), in.free_size(), count);
  in.commit(count);
  return result;
}

Connection::Received Connection::receive(char* into, std::size_t size, std::size_t& count) {
  count = 0;
  if (broken_) return Received::Closed;
  if (!readable_) return Received::Nothing;
  ssize_t got = 0;
  do {
    got = ::recv(fd_.get(), into, size, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    count = static_cast<std::size_t>(got);
    // A short read emptied the socket: the next byte raises a new edge. After the peer's FIN there
    // is no further edge, so the end has to be read.
    if (count < size && !peer_closed_) readable_ = false;
    return Received::Bytes;
  }
  if (got < 0 && errno == EAGAIN) {
    readable_ = false;
    return Received::Nothing;
  }
  if (got < 0) broken_ = true;
  peer_closed_ = true;
  return Received::Closed;
}

void Connection::written_to() {
  if (!std::exchange(unwritten_listed_, true)) state_.unwritten.push_back(this);
}

void Connection::flush() {
  unwritten_listed_ = false;
  while (writable_ && !broken_ && sent_ < out_.size()) {
    const ssize_t put =
        ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put > 0) {
      sent_ += static_cast<std::size_t>(put);
      write_deadline_ = TimePoint::max();
    } else if (put < 0 && errno == EAGAIN) {
      writable_ = false;
    } else if (put >= 0 || errno != EINTR) {
      broken_ = true;
      wake();
    }
  }
  if (sent_ == out_.size() || broken_) {
    out_.clear();
    sent_ = 0;
    if (out_.capacity() > kKeptOutput) out_.shrink_to_fit();
  } else {
    if (write_deadline_ == TimePoint::max()) {
      write_deadline_ = state_.now + state_.config.write_stall;
      state_.note(write_deadline_);
    }
    if (sent_ > kKeptOutput / 2) {
      out_.erase(0, sent_);
      sent_ = 0;
    }
  }
  if (listener != nullptr) {
    listener->on_written(unwritten());
  } else if (draining_) {
    wake();
  }
}

bool Connection::drained(std::size_t left) {
  draining_ = true;
  while (unwritten() > left && !broken_) {
    if (!wait(TimePoint::max())) break;
  }
  draining_ = false;
  return !broken_;
}

void Connection::linger() {
  if (!drained(0) || peer_closed_) return;
  ::shutdown(fd_.get(), SHUT_WR);
  const TimePoint deadline = state_.now + kLinger;
  std::size_t total = 0;
  while (total < kMostLingered) {
    std::size_t count = 0;
    const Received result = receive(state_.body.data(), state_.body.size(), count);
    total += count;
    if (result == Received::Closed) return;
    if (result == Received::Nothing && !wait(deadline)) return;
  }
}

}  // namespace perilune::host
