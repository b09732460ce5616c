#pragma once

/// @file
/// Reading a JSON body strictly: unknown members and wrong types are errors with a JSON Pointer.

#include <boost/json/object.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "api/rest/problems.hpp"

namespace perilune::api {

namespace json = boost::json;

/// The largest JSON body but for uploads.
inline constexpr std::size_t kMostJson = 1U << 20U;

/// One JSON object in UTF-8, at most `depth` deep; `malformed_json` otherwise.
[[nodiscard]] Checked<json::object> parse_object(std::string_view body, std::size_t depth = 16);

/// Takes the members of one object. Each getter returns empty when the member is absent or wrong;
/// what is wrong is in `errors`.
class Fields {
 public:
  Fields(const json::object& object, std::string pointer, std::vector<FieldError>& errors)
      : object_{object}, pointer_{std::move(pointer)}, errors_{errors} {}

  [[nodiscard]] std::optional<std::string> text(std::string_view key, std::size_t most);
  [[nodiscard]] std::optional<std::string> required_text(std::string_view key, std::size_t most);
  [[nodiscard]] std::optional<bool> boolean(std::string_view key);
  [[nodiscard]] std::optional<std::vector<std::string>> list(std::string_view key,
                                                             std::size_t most);
  [[nodiscard]] std::optional<std::map<std::string, std::string>> map(std::string_view key,
                                                                      std::size_t most);
  /// `{"memory": "32MiB", "cpu_ms": 100}`; null takes an override back (a value of nullopt).
  [[nodiscard]] std::map<Limit, std::optional<std::uint64_t>> limits(std::string_view key);
  void error(std::string_view key, std::string message);
  /// Reports members that no getter asked for.
  void finish();

 private:
  [[nodiscard]] const json::value* member(std::string_view key);

  const json::object& object_;
  std::string pointer_;
  std::vector<FieldError>& errors_;
  std::set<std::string_view> known_;
};

[[nodiscard]] Problem invalid_body(std::vector<FieldError> errors);

}  // namespace perilune::api
