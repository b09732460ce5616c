#include "runtime/link/frame.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace perilune::link {
namespace {

using From = FrameReader::From;

/// Where a type comes from and what its frames look like.
struct Shape {
  bool known = false;
  From from = From::HostControl;
  std::uint8_t flags = 0;
  bool empty = false;
};

constexpr Shape shape_of(FrameType type) noexcept {
  using T = FrameType;
  switch (type) {
    case T::Configure:
    case T::File:
    case T::Ping:
    case T::Env:
    case T::Inspect: return {true, From::HostControl};
    case T::Start:
    case T::Stop: return {true, From::HostControl, 0, true};
    case T::Ready: return {true, From::WorkerControl, 0, true};
    case T::FileOut:
    case T::Manifest:
    case T::Diagnostic:
    case T::Started:
    case T::Failed:
    case T::Log:
    case T::Pong:
    case T::Inspection: return {true, From::WorkerControl};
    case T::Body: return {true, From::HostRequests, kEnd};
    case T::Request:
    case T::Trailers:
    case T::Credit: return {true, From::HostRequests};
    case T::Cancel: return {true, From::HostRequests, 0, true};
    case T::Continue: return {true, From::WorkerRequests, 0, true};
    case T::Response:
    case T::Data: return {true, From::WorkerRequests, kEnd};
    case T::ResponseTrailers:
    case T::BodyCredit:
    case T::Done: return {true, From::WorkerRequests};
  }
  return {};
}

bool is_control(From from) noexcept {
  return from == From::HostControl || from == From::WorkerControl;
}

std::uint8_t byte_at(std::span<const std::byte> bytes, std::size_t i) noexcept {
  return std::to_integer<std::uint8_t>(bytes[i]);
}

FrameHeader read_header(std::span<const std::byte> bytes) noexcept {
  FrameHeader header{};
  header.type = static_cast<FrameType>(byte_at(bytes, 0));
  header.flags = byte_at(bytes, 1);
  header.length = static_cast<std::uint16_t>(byte_at(bytes, 2) | (byte_at(bytes, 3) << 8U));
  for (std::size_t i = 0; i < 4; ++i)
    header.stream |= static_cast<std::uint32_t>(byte_at(bytes, 4 + i)) << (8 * i);
  return header;
}

void write_length(std::byte* at, std::size_t length) noexcept {
  at[2] = static_cast<std::byte>(length & 0xFFU);
  at[3] = static_cast<std::byte>(length >> 8U);
}

bool well_shaped(const FrameHeader& header, From from) noexcept {
  const Shape shape = shape_of(header.type);
  return shape.known && shape.from == from && (header.flags & ~shape.flags) == 0 &&
         (header.stream == 0) == is_control(from) && !(shape.empty && header.length != 0);
}

}  // namespace

Received receive(int fd, std::span<std::byte> buffer,
                 std::span<const std::byte>& datagram) noexcept {
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ssize_t count = 0;
  do {
    count = ::recvmsg(fd, &message, MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return errno == EAGAIN ? Received::Nothing : Received::Closed;
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return Received::Broken;
  if (count == 0) return Received::Closed;
  datagram = buffer.first(static_cast<std::size_t>(count));
  return datagram.size() > kMaxDatagram ? Received::Broken : Received::Datagram;
}

std::optional<Frame> FrameReader::next() noexcept {
  if (rest_.empty() || damaged_) return std::nullopt;
  damaged_ = true;
  if (rest_.size() < kHeaderSize) return std::nullopt;
  const FrameHeader header = read_header(rest_);
  if (header.length > rest_.size() - kHeaderSize || !well_shaped(header, from_))
    return std::nullopt;
  damaged_ = false;
  const Frame frame{header, rest_.subspan(kHeaderSize, header.length)};
  rest_ = rest_.subspan(kHeaderSize + header.length);
  return frame;
}

void FrameBatch::add(FrameType type, std::uint32_t stream, std::span<const std::byte> payload,
                     std::uint8_t flags) {
  if (payload.size() > kMaxPayload) throw std::length_error{"link frame too long"};
  std::vector<std::byte>& out = begin_frame(type, stream, flags);
  out.insert(out.end(), payload.begin(), payload.end());
  finish_frame();
}

std::vector<std::byte>& FrameBatch::begin_frame(FrameType type, std::uint32_t stream,
                                                std::uint8_t flags) {
  open_ = bytes_.size();
  const std::byte header[kHeaderSize] = {static_cast<std::byte>(type),
                                         static_cast<std::byte>(flags),
                                         std::byte{0},
                                         std::byte{0},
                                         static_cast<std::byte>(stream & 0xFFU),
                                         static_cast<std::byte>((stream >> 8U) & 0xFFU),
                                         static_cast<std::byte>((stream >> 16U) & 0xFFU),
                                         static_cast<std::byte>(stream >> 24U)};
  bytes_.insert(bytes_.end(), std::begin(header), std::end(header));
  return bytes_;
}

void FrameBatch::finish_frame() {
  const std::size_t length = bytes_.size() - open_ - kHeaderSize;
  if (length > kMaxPayload) {
    bytes_.resize(open_);
    throw std::length_error{"link frame too long"};
  }
  write_length(bytes_.data() + open_, length);
  ends_.push_back(bytes_.size());
}

std::size_t FrameBatch::room() const noexcept {
  const std::size_t used = bytes_.size() - open_ - kHeaderSize;
  return used < kMaxPayload ? kMaxPayload - used : 0;
}

bool FrameBatch::flush(int fd) {
  while (sent_frames_ < ends_.size()) {
    std::size_t last = sent_frames_;
    while (last + 1 < ends_.size() && ends_[last + 1] - sent_ <= kMaxDatagram) ++last;
    const std::size_t length = ends_[last] - sent_;
    iovec part{bytes_.data() + sent_, length};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == ENOBUFS) return false;
      error_ = errno;
      break;
    }
    sent_ = ends_[last];
    sent_frames_ = last + 1;
  }
  clear();
  return true;
}

void FrameBatch::clear() noexcept {
  bytes_.clear();
  ends_.clear();
  sent_ = 0;
  sent_frames_ = 0;
  open_ = 0;
}

}  // namespace perilune::link
