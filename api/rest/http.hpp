#pragma once

/// @file
/// A request and a response of the control API, without a socket.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace perilune::api {

struct Request {
  std::string method;
  std::string target;                                        ///< origin-form, as received
  std::vector<std::pair<std::string, std::string>> headers;  ///< names lower-case
  std::string body;
  std::string client;  ///< "127.0.0.1:4711"

  /// The first header of this name, or empty.
  [[nodiscard]] std::string_view header(std::string_view lower_case_name) const {
    for (const auto& [name, value] : headers) {
      if (name == lower_case_name) return value;
    }
    return {};
  }
};

struct Response {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  ///< names lower-case
  std::string body;

  [[nodiscard]] std::string_view header(std::string_view lower_case_name) const {
    for (const auto& [name, value] : headers) {
      if (name == lower_case_name) return value;
    }
    return {};
  }
  Response& with(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
};

}  // namespace perilune::api
