#pragma once

/// @file
/// What all parts of one gateway thread share: clock, routes, apps and the lists of this turn's
/// work. Touched by that thread only.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host/gateway/apps.hpp"
#include "host/gateway/fiber.hpp"
#include "host/gateway/gateway.hpp"
#include "host/gateway/loop.hpp"
#include "runtime/link/frame.hpp"

namespace perilune::host {

class Connection;
class WorkerLink;

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;

/// xoshiro256++ seeded by the kernel: request ids are unique, not secret.
class RequestIds {
 public:
  RequestIds();
  [[nodiscard]] std::uint64_t next() noexcept;

 private:
  std::array<std::uint64_t, 4> state_{};
};

struct ThreadState {
  ThreadState(const GatewayConfig& configuration, GatewayEvents& listener, GatewayMetrics& counters)
      : config{configuration}, events{listener}, metrics{counters}, apps{*this} {}

  const GatewayConfig& config;
  GatewayEvents& events;
  GatewayMetrics& metrics;
  Loop loop;
  StackPool stacks;
  RequestIds ids;
  Apps apps;
  std::shared_ptr<const RouteTable> routes;
  std::uint64_t routes_generation = 0;  ///< grows with each `publish`
  TimePoint now = Clock::now();         ///< of this turn
  TimePoint next_scan = TimePoint::max();
  bool draining = false;
  /// Tells the other threads that a place of the app is free.
  std::function<void(const AppKey&)> nudge_others = [](const AppKey&) {};

  std::vector<Connection*> ready;      ///< fibers to resume
  std::vector<Connection*> unwritten;  ///< with output of this turn
  std::vector<WorkerLink*> unflushed;  ///< with frames of this turn
  std::array<std::byte, link::kMaxDatagram + 1> datagram;
  std::array<char, link::kMaxBodyPiece> body;
  std::string decoded;

  /// Deadlines are kept by who has them and looked at when the earliest may be due.
  void note(TimePoint deadline) noexcept { next_scan = std::min(next_scan, deadline); }
  /// "Mon, 23 Nov 2026 19:00:00 GMT", rendered once a second.
  [[nodiscard]] const std::string& date();

 private:
  std::string date_;
  std::int64_t date_second_ = -1;
};

}  // namespace perilune::host
