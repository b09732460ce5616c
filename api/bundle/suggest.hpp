#pragma once

/// @file
/// "Did you mean": the nearest of the names that are known.

#include <string>
#include <string_view>
#include <vector>

namespace perilune::api {

/// Insertions, deletions, replacements and swaps of neighbours that make `b` of `a`.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);
/// `did you mean "x"?`, or empty when nothing known is near.
[[nodiscard]] std::string suggestion(std::string_view unknown,
                                     const std::vector<std::string_view>& known);

}  // namespace perilune::api
