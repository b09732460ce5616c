#pragma once

/// @file
/// perilune.toml's meaning: from the leaves that a worker read to a Manifest, or to diagnostics.

#include <span>
#include <string_view>
#include <vector>

#include "api/model.hpp"

namespace perilune::api {

/// Turns the leaves of perilune.toml into a Manifest. Each thing that is wrong (unknown key, wrong
/// type, limit beyond its minimum or the ceiling, bad name, too large an environment) becomes an
/// error in `diagnostics` with file, line, column and help; the manifest keeps its default there.
/// At most 100 are added. Limits that the manifest does not name have their plain default, which
/// the store holds under the ceiling when it is used. No entries: the default manifest.
[[nodiscard]] Manifest parse_manifest(std::span<const link::ManifestEntry> entries,
                                      const Limits& ceiling, std::vector<Diagnostic>& diagnostics);

/// `[A-Za-z_][A-Za-z0-9_]*`, at most 128 bytes.
[[nodiscard]] bool is_env_name(std::string_view name) noexcept;

}  // namespace perilune::api
