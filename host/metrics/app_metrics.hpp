#pragma once

/// @file
/// One app's time series, looked up once and then incremented without a lock.

#include <chrono>
#include <cstdint>
#include <memory>

#include "runtime/outcome.hpp"

namespace perilune::host {

/// Handles into the registry. Thread-safe. The series leave the registry with the object.
class AppMetrics {
 public:
  virtual ~AppMetrics() = default;
  /// One finished request: its outcome, what the client got, how long it took, its CPU.
  virtual void request_done(Outcome outcome, unsigned status, std::chrono::nanoseconds duration,
                            std::chrono::microseconds cpu) = 0;
  virtual void in_flight(int change) = 0;
  virtual void bytes(std::uint64_t request, std::uint64_t response) = 0;
};

/// What the gateway counts without an app.
class GatewayMetrics {
 public:
  virtual ~GatewayMetrics() = default;
  /// A request refused before it reached an app: `reason` is an error code of runtime/outcome.hpp.
  virtual void rejected(const char* reason) = 0;
  virtual void connections(int change) = 0;
  /// A worker broke the link's protocol; `reason` is a literal from runtime/link/session.hpp.
  virtual void link_violation(const char* reason) = 0;
};

}  // namespace perilune::host
