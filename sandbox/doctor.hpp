#pragma once

/// @file
/// What `perilune doctor` prints.

#include <string>
#include <vector>

#include "sandbox/level.hpp"

namespace perilune::sandbox {

/// The layers that a probe found to work.
[[nodiscard]] Layers working(const std::vector<LayerFinding>& findings) noexcept;

/// A table of the layers (works or missing, why, what to change), the level that they amount to,
/// and what the next one and `required` need.
[[nodiscard]] std::string render_doctor(const std::vector<LayerFinding>& findings, Level required);

}  // namespace perilune::sandbox
