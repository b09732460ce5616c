#pragma once

/// @file
/// For tests: a gateway's connection that keeps what it is told, and whose credit the test sets.

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "runtime/modules/http_gateway.hpp"
#include "runtime/vm/invocation.hpp"

namespace perilune::runtime::testing {

/// What happened on a connection; outlives it.
struct GatewayRecord {
  std::string sent;  ///< "head 200 x=y|", "body …|", "end|", "trailers a=b|", "continue|"
  std::size_t credit = 64 * 1024;
  bool destroyed = false;
  bool closed = false;
  bool idle = false;
  GatewayListener* listener = nullptr;
  Invocation* invocation = nullptr;
  link::RequestHead head;
  bool has_request = false;
  std::string body;
  bool body_ended = true;
  std::vector<link::Header> trailers;

  void request(std::string_view method, std::string_view target, std::uint8_t flags = 0) {
    head = link::RequestHead{};
    head.method = method;
    head.target = target;
    head.flags = flags;
    head.headers = {{"Host", "app.example"}, {"X-Two", "1"}, {"x-two", "2"}};
    head.client = "192.0.2.7:4711";
    has_request = true;
  }
};

class RecordingConnection final : public GatewayConnection {
 public:
  explicit RecordingConnection(GatewayRecord& record) : record_{record} {}
  RecordingConnection(const RecordingConnection&) = delete;
  RecordingConnection& operator=(const RecordingConnection&) = delete;
  ~RecordingConnection() override { record_.destroyed = true; }

  void set_listener(GatewayListener* listener) noexcept override { record_.listener = listener; }
  const link::RequestHead* request() const noexcept override {
    return record_.has_request ? &record_.head : nullptr;
  }
  Invocation* invocation() const noexcept override { return record_.invocation; }
  void await_request() noexcept override {
    record_.has_request = false;
    record_.idle = true;
  }
  void stop_awaiting() noexcept override { record_.idle = false; }
  std::string_view body() const noexcept override { return record_.body; }
  void consume(std::size_t bytes) noexcept override { record_.body.erase(0, bytes); }
  bool body_ended() const noexcept override { return record_.body_ended; }
  std::span<const link::Header> trailers() const noexcept override { return record_.trailers; }
  void send_continue() noexcept override { record_.sent += "continue|"; }
  std::size_t send_response(const link::ResponseHead& head, std::string_view body,
                            bool end) noexcept override {
    record_.sent += "head " + std::to_string(head.status);
    for (const auto& field : head.headers)
      record_.sent.append(" ").append(field.name).append("=").append(field.value);
    record_.sent += "|";
    return body.empty() && !end ? 0 : send_body(body, end);
  }
  std::size_t send_body(std::string_view body, bool end) noexcept override {
    const std::size_t bytes = std::min(body.size(), record_.credit);
    record_.credit -= bytes;
    if (bytes > 0) record_.sent.append("body ").append(body.substr(0, bytes)).append("|");
    if (end && bytes == body.size()) record_.sent += "end|";
    return bytes;
  }
  void send_trailers(std::span<const link::Header> trailers) noexcept override {
    record_.sent += "trailers";
    for (const auto& field : trailers)
      record_.sent.append(" ").append(field.name).append("=").append(field.value);
    record_.sent += "|";
  }
  void close() noexcept override { record_.closed = true; }
  bool closed() const noexcept override { return record_.closed; }

 private:
  GatewayRecord& record_;
};

}  // namespace perilune::runtime::testing
