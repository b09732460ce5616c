#pragma once

/// @file
/// One client connection from accept to close: reads heads, finds their app, answers in order.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "host/gateway/connection.hpp"
#include "host/http1/head_parser.hpp"
#include "host/http1/response.hpp"

namespace perilune::host {

/// Lives on its connection's fiber. Not movable.
class Session {
 public:
  Session(ThreadState& state, Connection& connection);
  /// Serves until the connection ends. Suspends.
  void run();

 private:
  [[nodiscard]] bool read_head();
  [[nodiscard]] bool answer();
  [[nodiscard]] bool find_app();
  [[nodiscard]] bool wait_for_bytes();
  void reject(const ErrorCode& row, std::string_view detail);
  void new_id();

  ThreadState& state_;
  Connection& connection_;
  http1::HeadParser parser_;
  http1::RequestHead head_;
  std::array<char, 32> id_text_{};
  std::uint64_t id_high_ = 0;
  std::uint64_t id_low_ = 0;
  TimePoint head_deadline_ = TimePoint::max();
  bool first_ = true;
  bool linger_ = false;

  // What the last request's Host led to: a connection mostly stays with one app.
  std::string authority_;
  std::string host_;
  std::uint64_t routes_generation_ = 0;
  std::shared_ptr<const AppRoute> route_;
  App* app_ = nullptr;
};

}  // namespace perilune::host
