#pragma once

/// @file
/// perilune.toml as a flat list of leaves with their places. What the keys mean is the host's.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/link/messages.hpp"
#include "runtime/worker/bundle.hpp"

namespace perilune::worker {

inline constexpr std::string_view kManifestName = "perilune.toml";

/// A `link::ManifestEntry` that owns its text.
struct ManifestValue {
  std::string key;
  link::ValueType type = link::ValueType::String;
  std::string value;
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  [[nodiscard]] link::ManifestEntry view() const { return {key, type, value, line, column}; }
};

class Manifest {
 public:
  /// Parses; false with findings if it is not TOML or holds what a manifest cannot (dates, more
  /// leaves or longer values than the link carries).
  [[nodiscard]] bool parse(std::string_view text, std::vector<Finding>& findings);

  [[nodiscard]] const std::vector<ManifestValue>& values() const noexcept { return values_; }
  [[nodiscard]] const ManifestValue* find(std::string_view key) const noexcept;

 private:
  std::vector<ManifestValue> values_;
};

/// Line `number` (from 1) of `text`, without its end and at most as long as an excerpt.
[[nodiscard]] std::string_view line_of(std::string_view text, std::uint32_t number) noexcept;

}  // namespace perilune::worker
