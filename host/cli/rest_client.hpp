#pragma once

/// @file
/// The command line's side of the control API: one blocking request at a time over plain HTTP.

#include <string>
#include <utility>
#include <vector>

#include "runtime/base/result.hpp"

namespace perilune::host {

struct RestResponse {
  unsigned status = 0;
  std::string content_type;
  std::string body;
};

class RestClient {
 public:
  /// From PERILUNE_URL (default http://127.0.0.1:8081) and PERILUNE_TOKEN. Fails with `bad_config`
  /// when the URL is not http://HOST[:PORT] or there is no token.
  [[nodiscard]] static Result<RestClient> from_environment();

  /// Fails with `unreachable`; any answer is a value. Gives up after two minutes without one.
  [[nodiscard]] Result<RestResponse> request(const std::string& method, const std::string& target,
                                             const std::string& body = {},
                                             const std::string& content_type = {});

 private:
  RestClient(std::string host, std::string port, std::string token)
      : host_{std::move(host)}, port_{std::move(port)}, token_{std::move(token)} {}
  std::string host_;
  std::string port_;
  std::string token_;
};

/// Bytes that may not stand in a query value or path segment as %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace perilune::host
