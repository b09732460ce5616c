#pragma once

/// @file
/// A folder as the tar.gz that an upload is.

#include <string>

#include "runtime/base/result.hpp"

namespace perilune::host {

/// What `perilune deploy` sends for a path.
struct Package {
  std::string content_type;
  std::string body;
};

/// One .lua file as it is; a folder as tar.gz of its regular files in order of their paths, names
/// that begin with a dot left out, times and owners 0: the same files give the same bytes.
/// Fails with `unreadable`, `no_entry` (no file in it) or `bundle_too_large`.
[[nodiscard]] Result<Package> pack(const std::string& path);

}  // namespace perilune::host
