#include "api/rest/body.hpp"

#include <boost/json.hpp>

#include "api/bundle/ceiling.hpp"
#include "api/bundle/suggest.hpp"

namespace perilune::api {
namespace {

std::string to_text(const json::value& value) { return std::string{value.get_string().c_str()}; }

/// The value of a limit, or why it has none.
Result<std::uint64_t> limit_value(const LimitSpec& row, const json::value& value) {
  json::error_code none;
  std::uint64_t number = value.is_number() ? value.to_number<std::uint64_t>(none) : 0;
  if (value.is_string()) {
    const auto parsed = parse_limit(row, to_text(value));
    if (!parsed) return parsed.error();
    number = *parsed;
  } else if (!value.is_number() || none) {
    return Failure{"bad_limit", "a whole number, or a size such as \"32MiB\""};
  }
  if (number < row.minimum)
    return Failure{"limit_too_low", "below the minimum of " + format_limit(row, row.minimum)};
  if (number > highest_ceiling(row))
    return Failure{"limit_too_high",
                   "above the highest ceiling of " + format_limit(row, highest_ceiling(row))};
  return number;
}

}  // namespace

Checked<json::object> parse_object(std::string_view body, std::size_t depth) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = depth;
  json::value value = json::parse(body, error, {}, options);
  if (error) return Problem{"malformed_json", "the body is not JSON: " + error.message()};
  if (!value.is_object()) return Problem{"malformed_json", "the body is not a JSON object"};
  return std::move(value.get_object());
}

const json::value* Fields::member(std::string_view key) {
  known_.insert(key);
  return object_.if_contains(key);
}

void Fields::error(std::string_view key, std::string message) {
  errors_.push_back({pointer_ + "/" + std::string{key}, std::move(message)});
}

std::optional<std::string> Fields::text(std::string_view key, std::size_t most) {
  const json::value* value = member(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    error(key, "a string");
    return std::nullopt;
  }
  const json::string& text = value->get_string();
  if (text.size() > most) {
    error(key, "at most " + std::to_string(most) + " bytes");
    return std::nullopt;
  }
  return std::string{text.data(), text.size()};
}

std::optional<std::string> Fields::required_text(std::string_view key, std::size_t most) {
  if (member(key) == nullptr) error(key, "is required");
  return text(key, most);
}

std::optional<bool> Fields::boolean(std::string_view key) {
  const json::value* value = member(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_bool()) return value->get_bool();
  error(key, "true or false");
  return std::nullopt;
}

std::optional<std::vector<std::string>> Fields::list(std::string_view key, std::size_t most) {
  const json::value* value = member(key);
  if (value == nullptr) return std::nullopt;
  std::vector<std::string> list;
  bool good = value->is_array() && value->get_array().size() <= most;
  for (std::size_t i = 0; good && i < value->get_array().size(); ++i) {
    const json::value& item = value->get_array()[i];
    good = item.is_string();
    if (good) list.push_back(to_text(item));
  }
  if (good) return list;
  error(key, "a list of at most " + std::to_string(most) + " strings");
  return std::nullopt;
}

std::optional<std::map<std::string, std::string>> Fields::map(std::string_view key,
                                                              std::size_t most) {
  const json::value* value = member(key);
  if (value == nullptr) return std::nullopt;
  std::map<std::string, std::string> map;
  bool good = value->is_object() && value->get_object().size() <= most;
  if (good) {
    for (const auto& item : value->get_object()) {
      if (!item.value().is_string() || item.key().size() + item.value().get_string().size() > 512)
        good = false;
      else
        map[item.key()] = to_text(item.value());
    }
  }
  if (good) return map;
  error(key, "an object of at most " + std::to_string(most) + " strings of at most 512 bytes");
  return std::nullopt;
}

std::map<Limit, std::optional<std::uint64_t>> Fields::limits(std::string_view key) {
  std::map<Limit, std::optional<std::uint64_t>> limits;
  const json::value* value = member(key);
  if (value == nullptr) return limits;
  if (!value->is_object()) {
    error(key, "an object of limits");
    return limits;
  }
  std::vector<std::string_view> names;
  for (const LimitSpec& row : limit_specs()) names.push_back(row.key);
  for (const auto& item : value->get_object()) {
    const std::string path = std::string{key} + "/" + std::string{item.key()};
    const LimitSpec* row = find_limit(item.key());
    if (row == nullptr) {
      error(path, "no such limit; " + suggestion(item.key(), names));
    } else if (item.value().is_null()) {
      limits[row->limit] = std::nullopt;
    } else if (const auto number = limit_value(*row, item.value()); number) {
      limits[row->limit] = *number;
    } else {
      error(path, number.error().detail);
    }
  }
  return limits;
}

void Fields::finish() {
  const std::vector<std::string_view> names{known_.begin(), known_.end()};
  for (const auto& item : object_) {
    if (known_.count(item.key()) != 0) continue;
    const std::string near = suggestion(item.key(), names);
    error(item.key(), near.empty() ? "unknown member" : "unknown member; " + near);
  }
}

Problem invalid_body(std::vector<FieldError> errors) {
  std::string detail =
      std::to_string(errors.size()) + (errors.size() == 1 ? " member" : " members");
  Problem problem{"invalid_body", detail + " of the body " + (errors.size() == 1 ? "is" : "are") +
                                      " wrong: " + errors.front().pointer + ": " +
                                      errors.front().message};
  problem.errors = std::move(errors);
  return problem;
}

}  // namespace perilune::api
