#pragma once

/// @file
/// Takes a worker's dump of its fibers apart. The worker may be an attacker's.

#include <optional>
#include <string_view>

#include "api/vms.hpp"

namespace perilune::host {

/// Empty if `text` is not what a worker of ours sends: no JSON, nested deeper than a dump is, or a
/// member of another type. Members that nobody knows are left out; empty text is a dump without
/// fibers.
[[nodiscard]] std::optional<api::FiberDump> read_fibers(std::string_view text);

}  // namespace perilune::host
