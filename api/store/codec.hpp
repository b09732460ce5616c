#pragma once

/// @file
/// Structured columns as JSON text: limits, labels, scopes, headers, manifests.

#include <string>
#include <string_view>

#include "api/store/rows.hpp"

namespace perilune::api {

using TextMap = std::map<std::string, std::string>;
using TextPairs = std::vector<std::pair<std::string, std::string>>;

[[nodiscard]] std::string encode_overrides(const LimitOverrides& limits);
/// Keys that this program does not know are left out: an older program reads a newer one's rows.
[[nodiscard]] LimitOverrides decode_overrides(std::string_view text);
[[nodiscard]] std::string encode_map(const TextMap& map);
[[nodiscard]] TextMap decode_map(std::string_view text);
[[nodiscard]] std::string encode_list(const std::vector<std::string>& list);
[[nodiscard]] std::vector<std::string> decode_list(std::string_view text);
[[nodiscard]] std::string encode_pairs(const TextPairs& pairs);
[[nodiscard]] TextPairs decode_pairs(std::string_view text);
/// Only limits that differ from their default are written, so that defaults can move.
[[nodiscard]] std::string encode_manifest(const Manifest& manifest);
[[nodiscard]] Manifest decode_manifest(std::string_view text);

}  // namespace perilune::api
