#pragma once

/// @file
/// One request within the worker: its head, its bodies' flow, its invocation, and how it ends.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/link/messages.hpp"
#include "runtime/vm/invocation.hpp"
#include "runtime/worker/port.hpp"

namespace perilune::worker {

class Connection;

/// Lives until its Done is out *and* no connection refers to it; then it is used again.
struct Stream {
  RequestPort* port = nullptr;
  std::uint32_t id = 0;

  link::Bytes_ bytes;  ///< what `head` points into
  link::RequestHead head;
  std::optional<runtime::Invocation> invocation;
  std::chrono::steady_clock::time_point deadline;

  std::string body;  ///< received, with `body_at` bytes consumed
  std::size_t body_at = 0;
  std::uint32_t owed = 0;  ///< consumed bytes whose credit was not given back yet
  std::string trailer_text;
  std::vector<link::Header> trailers;
  bool body_ended = false;

  std::size_t charged = 0;  ///< bytes of the head that the VM's account holds
  std::size_t place = 0;    ///< in the gateway's list of live streams, then of strays
  Connection* connection = nullptr;
  std::uint64_t left = UINT64_MAX;  ///< of the response's declared length
  bool responded = false;           ///< the response's head is out
  bool complete = false;            ///< the response is
  bool bodiless = false;
  bool released = false;   ///< the app is done with it: closed, dropped, or waits for another one
  bool handling = false;   ///< the handler's fiber runs
  bool deferring = false;  ///< what `perilune.defer` collected runs
  bool failed = false;     ///< the handler raised
  bool finished = false;   ///< Done is out
  bool stray = false;      ///< Done is out, fibers are left
  bool candidate = false;  ///< waits in `Gateway` to be looked at

  [[nodiscard]] std::string_view unread() const noexcept {
    return std::string_view{body}.substr(body_at);
  }
  /// Makes it as new, keeping the memory of its buffers.
  void reset();
};

}  // namespace perilune::worker
