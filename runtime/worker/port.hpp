#pragma once

/// @file
/// One socket to the host: what waits to be sent, and what is allowed to come.

#include <utility>

#include "runtime/base/unique_fd.hpp"
#include "runtime/link/frame.hpp"
#include "runtime/link/session.hpp"

namespace perilune::worker {

struct Stream;

/// A socket and the frames of this turn.
struct Port {
  explicit Port(UniqueFd socket) noexcept : fd{std::move(socket)} {}

  UniqueFd fd;
  link::FrameBatch out;
  bool blocked = false;  ///< the last flush left something; epoll watches for room
};

/// A request link. Bodies in `out` are bounded by the streams' credit.
struct RequestPort : Port {
  explicit RequestPort(UniqueFd socket) noexcept : Port{std::move(socket)} {}

  link::RequestLedger ledger{link::kInitialCredit, 0};  ///< replaced when the limits are known
  link::StreamTable<Stream*> streams;
};

}  // namespace perilune::worker
