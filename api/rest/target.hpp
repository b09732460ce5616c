#pragma once

/// @file
/// A request's target taken apart: path segments and query, percent-decoded.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace perilune::api {

struct Target {
  std::string path;                   ///< as received, without the query
  std::vector<std::string> segments;  ///< decoded
  std::map<std::string, std::string> query;

  /// Empty when the target is not origin-form, has a bad escape, a control character or the same
  /// parameter twice.
  [[nodiscard]] static std::optional<Target> parse(std::string_view target);
  [[nodiscard]] std::string_view parameter(const std::string& name) const;
  [[nodiscard]] bool has(const std::string& name) const { return query.count(name) != 0; }
};

/// For a query or a path: everything but unreserved characters becomes %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);
/// Empty: a bad escape or a control character. `plus`: `+` is a space (queries).
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus);

}  // namespace perilune::api
