#pragma once

/// @file
/// One connection of the small HTTP server: reads whole requests, writes whole responses.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "host/http/server.hpp"
#include "host/http1/head_parser.hpp"
#include "runtime/outcome.hpp"

namespace perilune::host {

/// What the server and its connections share; a connection may outlive its server by a turn.
struct HttpShared {
  HttpServerConfig config;
  HttpHandler handler;
  bool stopping = false;
};

/// Kept alive by its fiber; all functions run on the loop's thread. `run` and what it calls
/// suspends.
class HttpSession : public std::enable_shared_from_this<HttpSession> {
 public:
  HttpSession(boost::asio::ip::tcp::socket socket, std::shared_ptr<HttpShared> shared);

  /// Serves until the connection ends.
  void run(const boost::asio::yield_context& yield);
  /// Ends the wait for a next request; what runs is finished.
  void end_if_idle();
  /// Cuts the connection.
  void cut();

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] bool read_head(const boost::asio::yield_context& yield);
  [[nodiscard]] bool read_body(const boost::asio::yield_context& yield);
  /// False: the head alone was reason enough to refuse the body; answered.
  [[nodiscard]] bool may_send_body(const boost::asio::yield_context& yield);
  [[nodiscard]] bool read_length(const boost::asio::yield_context& yield);
  [[nodiscard]] bool read_chunks(const boost::asio::yield_context& yield);
  /// Appends to the input; false: closed, broken or too late (`timed_out_`).
  [[nodiscard]] bool read_some(Clock::time_point deadline, const boost::asio::yield_context& yield);
  [[nodiscard]] bool write(std::string_view bytes, const boost::asio::yield_context& yield);
  [[nodiscard]] bool answer(const boost::asio::yield_context& yield);
  void refuse(const ErrorCode& row, std::string_view detail,
              const boost::asio::yield_context& yield);
  void linger(const boost::asio::yield_context& yield);
  void arm(Clock::time_point deadline);
  void make_request();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<HttpShared> shared_;
  std::string client_;
  std::string input_;
  http1::HeadParser parser_;
  http1::RequestHead head_;
  HttpRequest request_;
  Clock::time_point body_deadline_;
  std::uint64_t deadline_serial_ = 0;
  std::uint64_t content_length_ = 0;
  bool chunked_ = false;
  bool expects_continue_ = false;
  bool keep_alive_ = false;
  bool head_only_ = false;
  bool timed_out_ = false;
  bool idle_ = true;
};

}  // namespace perilune::host
