#pragma once

/// @file
/// What this program is made of.

#include <string>

namespace perilune::host {

/// "perilune 0.1.0" and one line per library with the version that runs (or was compiled in).
[[nodiscard]] std::string version_text();

}  // namespace perilune::host
