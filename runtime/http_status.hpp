#pragma once

/// @file
/// What an HTTP status is called.

#include <string_view>

namespace perilune {

/// "Not Found"; empty for a status without a phrase.
[[nodiscard]] std::string_view reason_phrase(unsigned status) noexcept;

}  // namespace perilune
