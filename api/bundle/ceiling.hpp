#pragma once

/// @file
/// What a tenant's apps may ask for at most.

#include "api/store/rows.hpp"

namespace perilune::api {

/// Rows that a tenant's plan alone decides: an app has no say in how large its own upload may be.
[[nodiscard]] bool is_plan_limit(Limit limit) noexcept;
/// The highest ceiling that an operator can set. Rows that bound a frame of the worker link cannot
/// go above their maximum, others up to 16 times it.
[[nodiscard]] std::uint64_t highest_ceiling(const LimitSpec& row) noexcept;
/// The tenant's overrides over: plan limits at their default, all others at their maximum.
[[nodiscard]] Limits ceiling_of(const LimitOverrides& overrides) noexcept;
/// `asked` with each row lowered to the ceiling where it is above: defaults that a manifest did not
/// touch, and ceilings that were lowered after an upload.
[[nodiscard]] Limits held_under(const Limits& asked, const Limits& ceiling) noexcept;

}  // namespace perilune::api
