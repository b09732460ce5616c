#pragma once

/// @file
/// One gateway thread's request link to one worker: its streams, what may be in flight, and what
/// happens when it breaks.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/gateway/apps.hpp"
#include "host/gateway/gateway.hpp"
#include "host/gateway/loop.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/link/frame.hpp"
#include "runtime/link/messages.hpp"
#include "runtime/link/session.hpp"

namespace perilune::host {

struct ThreadState;

/// Who takes what a worker answers on one stream. Called from the loop; views die with the call.
/// The link has checked order, credit and declared lengths already.
class StreamClient {
 public:
  virtual void on_continue() = 0;
  virtual void on_response(const link::ResponseHead& head, link::View body, bool end) = 0;
  virtual void on_data(link::View body, bool end) = 0;
  virtual void on_trailers(const std::vector<link::Header>& trailers) = 0;
  virtual void on_body_credit(std::uint32_t bytes) = 0;
  /// The stream is over; the client is forgotten before the call.
  virtual void on_done(const link::Done& done) = 0;
  /// The worker died or broke the protocol; the client is forgotten before the call.
  virtual void on_lost() = 0;

 protected:
  ~StreamClient() = default;
};

class WorkerLink final : public Source {
 public:
  WorkerLink(ThreadState& state, InstanceId instance, App& app, UniqueFd fd, std::uint32_t window);
  WorkerLink(const WorkerLink&) = delete;
  WorkerLink& operator=(const WorkerLink&) = delete;
  ~WorkerLink();

  /// Opens a stream. The head must fit into a frame (`fits`).
  [[nodiscard]] std::uint32_t open(const link::RequestHead& head, StreamClient& client);
  [[nodiscard]] static bool fits(const link::RequestHead& head) noexcept;
  void send_body(std::uint32_t stream, link::View bytes, bool end);
  void send_trailers(std::uint32_t stream, const std::vector<link::Header>& trailers);
  void send_credit(std::uint32_t stream, std::uint32_t bytes);

  /// The client goes, the invocation is to end: its request counts as `verdict`. The worker must
  /// say Done within two seconds beyond its hard CPU limit.
  void cancel(std::uint32_t stream, Ticket ticket, Outcome verdict);
  /// The client has its response, the invocation may go on until `deadline`.
  void detach(std::uint32_t stream, Ticket ticket, std::chrono::steady_clock::time_point deadline);

  /// Sends what this turn collected.
  void flush();
  void check_deadlines();
  /// The process is dead: takes what it still sent, then fails what is left.
  void read_out();
  void on_ready(std::uint32_t events) override;

  [[nodiscard]] InstanceId instance() const noexcept { return instance_; }
  [[nodiscard]] App& app() const noexcept { return app_; }
  [[nodiscard]] std::uint32_t window() const noexcept { return window_; }
  [[nodiscard]] bool broken() const noexcept { return broken_; }
  [[nodiscard]] bool idle() const noexcept { return streams_.empty(); }
  bool retired = false;
  bool unflushed = false;  ///< in the thread's list

 private:
  struct Stream {
    StreamClient* client = nullptr;
    Ticket ticket;  ///< valid without a client
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    Outcome verdict = Outcome::Ok;
    bool canceled = false;
  };
  using Streams = std::unordered_map<std::uint32_t, Stream>;

  [[nodiscard]] bool take(std::span<const std::byte> datagram);
  void deliver(const link::Frame& frame);
  void finish(std::uint32_t id);
  /// Reads one datagram; false when there is nothing more to read now.
  [[nodiscard]] bool read_one(std::size_t& size);
  void fail(std::string_view violation, bool report);
  void send_cancel(std::uint32_t id, Stream& stream);
  void mark();

  ThreadState& state_;
  InstanceId instance_;
  App& app_;
  UniqueFd fd_;
  std::uint32_t window_;
  link::StreamLedger ledger_;
  link::FrameBatch batch_;
  Streams streams_;
  std::vector<Streams::node_type> spare_;
  std::uint32_t last_stream_ = 0;
  bool waiting_to_write_ = false;
  bool broken_ = false;
};

}  // namespace perilune::host
