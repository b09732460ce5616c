#pragma once

/// @file
/// An HTTP socket's options: its limits by name.

#include <string_view>

#include "runtime/modules/http_backend.hpp"

namespace perilune::runtime {

/// What the VM's limits allow: the defaults of every socket, and the most that a script may set.
[[nodiscard]] HttpLimits http_limits_of(const Vm& vm) noexcept;

/// The field that an option names ("body", "headers", …: the keys of the limits), or nullptr.
[[nodiscard]] std::size_t* find_http_option(HttpLimits& limits, std::string_view name) noexcept;

}  // namespace perilune::runtime
