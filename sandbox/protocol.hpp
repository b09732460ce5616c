#pragma once

/// @file
/// The datagrams between host and launcher, parsed strictly on both sides.
///
/// A request is one fixed structure. An event is a fixed head and its texts; descriptors come with
/// it. Whatever has another size, an unknown kind, a number out of range or something left over is
/// refused: the launcher then ends, and so does everything.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sandbox/launcher.hpp"

namespace perilune::sandbox {

struct Request {
  enum class Kind : std::uint8_t { Spawn = 1, Kill, Probe };
  Kind kind = Kind::Probe;
  std::uint32_t id = 0;
  std::uint32_t slot = 0;  ///< Kill
  pid_t pid = 0;           ///< Kill: who is meant; the slot may have another worker by now
  WorkerClass worker;      ///< Spawn
};

inline constexpr std::size_t kMaxEvent = 16 * 1024;
inline constexpr std::uint8_t kMaxLinks = 16;
inline constexpr std::uint8_t kMaxThreads = 64;
inline constexpr Bytes kMinMemory{8ULL << 20U};
inline constexpr Bytes kMaxMemory{64ULL << 30U};

[[nodiscard]] std::vector<std::byte> encode(const Request& request);
[[nodiscard]] std::optional<Request> decode_request(std::span<const std::byte> datagram);

/// Descriptors are not part of the bytes: pidfd, control, links, in this order.
[[nodiscard]] std::vector<std::byte> encode(const LauncherEvent& event);
/// `fds`: how many descriptors came along; a spawned worker has 2 + links of them, others none.
/// The caller puts the descriptors into the event.
[[nodiscard]] std::optional<LauncherEvent> decode_event(std::span<const std::byte> datagram,
                                                        std::size_t fds);

/// The class is one that a launcher makes: else what is wrong with it.
[[nodiscard]] std::string problem_with(const WorkerClass& worker);

}  // namespace perilune::sandbox
