#include "runtime/link/frame.hpp"

#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>

#include "runtime/base/unique_fd.hpp"
#include "runtime/link/messages.hpp"

namespace perilune::link {
namespace {

using From = FrameReader::From;

struct Pair {
  UniqueFd a;
  UniqueFd b;
};

Pair make_pair() {
  std::array<int, 2> fds{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds.data()) == 0);
  return {UniqueFd{fds[0]}, UniqueFd{fds[1]}};
}

std::vector<std::byte> raw(FrameType type, std::uint8_t flags, std::uint32_t stream,
                           std::size_t length) {
  std::vector<std::byte> out{static_cast<std::byte>(type),
                             static_cast<std::byte>(flags),
                             static_cast<std::byte>(length & 0xFFU),
                             static_cast<std::byte>(length >> 8U),
                             static_cast<std::byte>(stream),
                             std::byte{0},
                             std::byte{0},
                             std::byte{0}};
  out.resize(kHeaderSize + length);
  return out;
}

bool is_clean(const std::vector<std::byte>& bytes, From from) {
  FrameReader reader{bytes, from};
  std::size_t frames = 0;
  while (reader.next()) ++frames;
  return !reader.damaged() && frames != 0;
}

TEST_CASE("frames come out of a datagram as they went in", "[link]") {
  Pair pair = make_pair();
  FrameBatch batch;
  const std::string body = "hello";
  batch.add(FrameType::Data, 7, std::as_bytes(std::span{body}), kEnd);
  batch.add_message(FrameType::Done, 0x01020304, Done{});
  REQUIRE(batch.flush(pair.a.get()));
  CHECK(batch.empty());

  std::vector<std::byte> buffer(kMaxDatagram);
  std::span<const std::byte> datagram;
  REQUIRE(receive(pair.b.get(), buffer, datagram) == Received::Datagram);
  FrameReader reader{datagram, From::WorkerRequests};
  const auto data = reader.next();
  REQUIRE(data);
  CHECK(data->header.type == FrameType::Data);
  CHECK(data->header.flags == kEnd);
  CHECK(data->header.stream == 7);
  CHECK(std::string{reinterpret_cast<const char*>(data->payload.data()), data->payload.size()} ==
        body);
  const auto done = reader.next();
  REQUIRE(done);
  CHECK(done->header.stream == 0x01020304);
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.damaged());
  CHECK(receive(pair.b.get(), buffer, datagram) == Received::Nothing);
  pair.a.reset();
  CHECK(receive(pair.b.get(), buffer, datagram) == Received::Closed);
}

TEST_CASE("a damaged datagram is noticed and read no further", "[link]") {
  const auto good = raw(FrameType::Data, 0, 1, 4);
  CHECK(is_clean(good, From::WorkerRequests));
  for (std::size_t cut = 1; cut < good.size(); ++cut) {
    INFO(cut);
    CHECK_FALSE(is_clean({good.begin(), good.end() - static_cast<std::ptrdiff_t>(cut)},
                         From::WorkerRequests));
  }
  auto trailing = good;
  trailing.push_back(std::byte{0});
  CHECK_FALSE(is_clean(trailing, From::WorkerRequests));
  CHECK_FALSE(is_clean(raw(static_cast<FrameType>(0), 0, 1, 0), From::WorkerRequests));
  CHECK_FALSE(is_clean(raw(static_cast<FrameType>(102), 0, 1, 0), From::WorkerRequests));
  CHECK_FALSE(is_clean(raw(FrameType::Data, 2, 1, 4), From::WorkerRequests));
  CHECK_FALSE(is_clean(raw(FrameType::Done, kEnd, 1, 4), From::WorkerRequests));
  CHECK_FALSE(is_clean(raw(FrameType::Continue, 0, 1, 1), From::WorkerRequests));
  CHECK(is_clean(raw(FrameType::Continue, 0, 1, 0), From::WorkerRequests));
}

TEST_CASE("every type is accepted from one side on one kind of socket only", "[link]") {
  constexpr std::array kAll{From::HostControl, From::HostRequests, From::WorkerControl,
                            From::WorkerRequests};
  for (unsigned type = 0; type < 256; ++type) {
    std::size_t accepted = 0;
    for (const From from : kAll) {
      for (const std::uint32_t stream : {0U, 1U})
        accepted += is_clean(raw(static_cast<FrameType>(type), 0, stream, 0), from) ? 1U : 0U;
    }
    const bool known = (type >= 1 && type <= 7) || (type >= 32 && type <= 40) ||
                       (type >= 64 && type <= 68) || (type >= 96 && type <= 101);
    INFO(type);
    CHECK(accepted == (known ? 1U : 0U));
  }
}

TEST_CASE("a frame's payload just fits, one byte more is a bug", "[link]") {
  FrameBatch batch;
  std::vector<std::byte> payload(kMaxPayload);
  batch.add(FrameType::Data, 1, payload);
  CHECK(batch.size() == kMaxDatagram);
  payload.push_back(std::byte{0});
  CHECK_THROWS_AS(batch.add(FrameType::Data, 1, payload), std::length_error);
  batch.begin_frame(FrameType::Data, 1).resize(batch.size() + kHeaderSize + kMaxPayload + 1);
  CHECK(batch.room() == 0);
  CHECK_THROWS_AS(batch.finish_frame(), std::length_error);
  CHECK(batch.size() == kMaxDatagram);
}

TEST_CASE("what does not fit the socket is kept in order and sent later", "[link]") {
  Pair pair = make_pair();
  FrameBatch batch;
  const std::vector<std::byte> payload(30'000);
  constexpr std::uint32_t kFrames = 100;
  for (std::uint32_t i = 1; i <= kFrames; ++i) batch.add(FrameType::Data, i, payload);
  CHECK_FALSE(batch.flush(pair.a.get()));
  std::vector<std::byte> buffer(kMaxDatagram);
  std::span<const std::byte> datagram;
  std::uint32_t seen = 0;
  bool sent = false;
  while (seen < kFrames) {
    const Received got = receive(pair.b.get(), buffer, datagram);
    if (got == Received::Nothing) {
      REQUIRE_FALSE(sent);
      sent = batch.flush(pair.a.get());
      continue;
    }
    REQUIRE(got == Received::Datagram);
    FrameReader reader{datagram, From::WorkerRequests};
    while (const auto frame = reader.next()) CHECK(frame->header.stream == ++seen);
    CHECK_FALSE(reader.damaged());
  }
  CHECK(batch.flush(pair.a.get()));
  CHECK(batch.empty());
}

TEST_CASE("a vanished peer ends the batch with an error", "[link]") {
  Pair pair = make_pair();
  pair.b.reset();
  FrameBatch batch;
  batch.add(FrameType::Data, 1, {});
  CHECK(batch.flush(pair.a.get()));
  CHECK(batch.error() == EPIPE);
  CHECK(batch.empty());
}

TEST_CASE("a datagram that is too long is broken", "[link]") {
  Pair pair = make_pair();
  const std::vector<std::byte> much(kMaxDatagram + 1);
  REQUIRE(::send(pair.a.get(), much.data(), much.size(), 0) > 0);
  std::vector<std::byte> buffer(kMaxDatagram);
  std::span<const std::byte> datagram;
  CHECK(receive(pair.b.get(), buffer, datagram) == Received::Broken);
}

TEST_CASE("a descriptor that comes along is broken and closed", "[link]") {
  Pair pair = make_pair();
  Pair passed = make_pair();
  std::byte one{1};
  iovec part{&one, 1};
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int fd = passed.a.get();
  std::copy_n(reinterpret_cast<const unsigned char*>(&fd), sizeof fd, CMSG_DATA(header));
  REQUIRE(::sendmsg(pair.a.get(), &message, 0) == 1);
  std::vector<std::byte> buffer(kMaxDatagram);
  std::span<const std::byte> datagram;
  CHECK(receive(pair.b.get(), buffer, datagram) == Received::Broken);
}

}  // namespace
}  // namespace perilune::link
