#include "api/store/codec.hpp"

#include <boost/json.hpp>

namespace perilune::api {
namespace {

namespace json = boost::json;

// Our own columns: text that does not parse is damage to the database, and reads as empty.
json::value parsed(std::string_view text) {
  json::error_code error;
  json::value value = json::parse(text, error);
  return error ? json::value{} : value;
}

std::string as_string(const json::value& value) {
  return value.is_string() ? std::string{value.get_string().c_str()} : std::string{};
}

json::object limits_object(const LimitOverrides& limits) {
  json::object object;
  for (const auto& [limit, value] : limits) object[spec(limit).key] = value;
  return object;
}

LimitOverrides read_limits(const json::value& value) {
  LimitOverrides limits;
  if (!value.is_object()) return limits;
  for (const auto& member : value.get_object()) {
    const LimitSpec* row = find_limit(member.key());
    json::error_code error;
    const auto number = member.value().to_number<std::uint64_t>(error);
    if (row != nullptr && !error) limits[row->limit] = number;
  }
  return limits;
}

json::object map_object(const TextMap& map) {
  json::object object;
  for (const auto& [key, value] : map) object[key] = value;
  return object;
}

TextMap read_map(const json::value& value) {
  TextMap map;
  if (!value.is_object()) return map;
  for (const auto& member : value.get_object()) map[member.key()] = as_string(member.value());
  return map;
}

json::array list_array(const std::vector<std::string>& list) {
  return json::array(list.begin(), list.end());
}

std::vector<std::string> read_list(const json::value& value) {
  std::vector<std::string> list;
  if (!value.is_array()) return list;
  for (const auto& item : value.get_array()) list.push_back(as_string(item));
  return list;
}

}  // namespace

std::string encode_overrides(const LimitOverrides& limits) {
  return json::serialize(limits_object(limits));
}
LimitOverrides decode_overrides(std::string_view text) { return read_limits(parsed(text)); }
std::string encode_map(const TextMap& map) { return json::serialize(map_object(map)); }
TextMap decode_map(std::string_view text) { return read_map(parsed(text)); }
std::string encode_list(const std::vector<std::string>& list) {
  return json::serialize(list_array(list));
}
std::vector<std::string> decode_list(std::string_view text) { return read_list(parsed(text)); }

std::string encode_pairs(const TextPairs& pairs) {
  json::array array;
  for (const auto& [name, value] : pairs) array.push_back(json::array{name, value});
  return json::serialize(array);
}

TextPairs decode_pairs(std::string_view text) {
  TextPairs pairs;
  const json::value value = parsed(text);
  if (!value.is_array()) return pairs;
  for (const auto& item : value.get_array()) {
    std::vector<std::string> pair = read_list(item);
    if (pair.size() == 2) pairs.emplace_back(std::move(pair[0]), std::move(pair[1]));
  }
  return pairs;
}

std::string encode_manifest(const Manifest& manifest) {
  LimitOverrides changed;
  for (const LimitSpec& row : limit_specs()) {
    if (manifest.limits.raw(row.limit) != row.value)
      changed[row.limit] = manifest.limits.raw(row.limit);
  }
  return json::serialize(json::object{{"name", manifest.name},
                                      {"entry", manifest.entry},
                                      {"http_port", manifest.http_port},
                                      {"limits", limits_object(changed)},
                                      {"env", map_object(manifest.env)},
                                      {"outbound", list_array(manifest.outbound)}});
}

Manifest decode_manifest(std::string_view text) {
  Manifest manifest;
  const json::value value = parsed(text);
  if (!value.is_object()) return manifest;
  const json::object& object = value.get_object();
  const auto member = [&](const char* key) {
    const json::value* found = object.if_contains(key);
    return found == nullptr ? json::value{} : *found;
  };
  manifest.name = as_string(member("name"));
  if (const std::string entry = as_string(member("entry")); !entry.empty()) manifest.entry = entry;
  json::error_code error;
  const auto port = member("http_port").to_number<std::uint16_t>(error);
  if (!error) manifest.http_port = port;
  for (const auto& [limit, number] : read_limits(member("limits")))
    manifest.limits.set(limit, number);
  manifest.env = read_map(member("env"));
  manifest.outbound = read_list(member("outbound"));
  return manifest;
}

}  // namespace perilune::api
