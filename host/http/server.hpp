#pragma once

/// @file
/// A small HTTP/1.1 server for the admin and metrics listeners: whole requests in, whole responses
/// out.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/spawn.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/base/result.hpp"

namespace perilune::host {

struct HttpRequest {
  std::string method;
  std::string target;                                        ///< origin-form, as received
  std::vector<std::pair<std::string, std::string>> headers;  ///< names lower-case
  std::string body;
  std::string client;  ///< "127.0.0.1:4711"
  [[nodiscard]] std::string_view header(std::string_view lower_case_name) const;
};

struct HttpResponse {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  ///< content-length is added
  std::string body;
};

struct HttpServerConfig {
  boost::asio::ip::tcp::endpoint endpoint;
  std::string name;                   ///< for logs: "admin", "metrics"
  std::size_t max_body = 64U << 20U;  ///< beyond it: 413
  std::size_t max_head = 32U << 10U;
  std::chrono::milliseconds head_time{10000};
  std::chrono::milliseconds body_stall{20000};  ///< without a byte: 408
  std::chrono::milliseconds body_time{120000};  ///< in all: 408
  std::uint32_t max_connections = 256;
  /// Asked before a body of more than `unasked_body` bytes (or of unknown length) is read, so that
  /// a stranger cannot make the process hold one: an answer refuses the request and ends the
  /// connection. `body_size` is the declared length.
  std::function<std::optional<HttpResponse>(const HttpRequest& head,
                                            std::optional<std::uint64_t> body_size)>
      before_body{};
  std::size_t unasked_body = 64U << 10U;
};

using HttpHandler = std::function<HttpResponse(const HttpRequest&, boost::asio::yield_context)>;

/// Strict (RFC 9112 as the gateway), keep-alive, runs on `loop`; one fiber per connection calls
/// `handler`.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  [[nodiscard]] virtual Result<void> start() = 0;
  [[nodiscard]] virtual std::uint16_t port() const = 0;
  /// Accept no more; connections end after what they are at. Suspends until they have, or the
  /// deadline.
  virtual void stop(std::chrono::steady_clock::time_point deadline,
                    boost::asio::yield_context yield) = 0;
};

[[nodiscard]] std::unique_ptr<HttpServer> make_http_server(boost::asio::io_context& loop,
                                                           HttpServerConfig config,
                                                           HttpHandler handler);

}  // namespace perilune::host
