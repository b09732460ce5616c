#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sandbox/launcher.hpp"
#include "sandbox/protocol.hpp"

namespace perilune::sandbox {
namespace {

constexpr std::size_t kMaxFds = 2 + kMaxLinks;

Failure failure_of(int error) {
  if (error == EAGAIN) {
    return {"would_block", "the launcher has not read earlier requests yet"};
  }
  return {"launcher_gone", system_failure("the launcher is gone", error).detail};
}

Result<void> send(int fd, const Request& request) {
  const std::vector<std::byte> bytes = encode(request);
  if (::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    return failure_of(errno);
  }
  return {};
}

/// Takes ownership of every descriptor that came along.
std::vector<UniqueFd> descriptors_of(msghdr& message) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
       head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

Result<std::uint32_t> LauncherClient::spawn(const WorkerClass& worker_class) {
  const std::uint32_t id = next_request_++;
  if (auto sent = send(fd(), {Request::Kind::Spawn, id, 0, 0, worker_class}); !sent) {
    return sent.error();
  }
  return id;
}

Result<void> LauncherClient::kill(std::uint32_t slot, pid_t pid) {
  return send(fd(), {Request::Kind::Kill, next_request_++, slot, pid, {}});
}

Result<std::uint32_t> LauncherClient::probe() {
  const std::uint32_t id = next_request_++;
  if (auto sent = send(fd(), {Request::Kind::Probe, id, 0, 0, {}}); !sent) return sent.error();
  return id;
}

Result<std::optional<LauncherEvent>> LauncherClient::receive() {
  std::array<std::byte, kMaxEvent> bytes{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFds * sizeof(int))> control{};
  iovec piece{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = ::recvmsg(fd(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<LauncherEvent>{};
  if (got <= 0) return failure_of(got == 0 ? EPIPE : errno);
  std::vector<UniqueFd> fds = descriptors_of(message);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return Failure{"protocol_error", "an event was cut off (too many open files?)"};
  }
  auto event = decode_event(std::span{bytes}.first(static_cast<std::size_t>(got)), fds.size());
  if (!event) return Failure{"protocol_error", "not an event of the launcher"};
  if (event->kind == LauncherEvent::Kind::Spawned) {
    event->spawned.pidfd = std::move(fds[0]);
    event->spawned.control = std::move(fds[1]);
    for (std::size_t i = 2; i < fds.size(); ++i) event->spawned.links.push_back(std::move(fds[i]));
  }
  return event;
}

}  // namespace perilune::sandbox
