#pragma once

/// @file
/// The content address of a bundle, and what its files may be called.

#include <string>
#include <string_view>
#include <vector>

#include "api/model.hpp"
#include "runtime/base/result.hpp"

namespace perilune::api {

/// A relative path of ordinary names: `/`-separated, UTF-8 without control characters, no empty
/// name, no `.` or `..`, no backslash, at most 512 bytes.
[[nodiscard]] bool is_bundle_path(std::string_view path) noexcept;

/// Holds what a worker unpacked (or a client sent) to the rules: paths, no path twice (or as a file
/// and a folder), Limit::BundleFiles, Limit::BundleUnpacked. Sorts by path.
///
/// Fails with `bad_bundle`, `too_many_files` or `bundle_too_large`.
[[nodiscard]] Result<void> check_bundle(std::vector<BundleFile>& files, const Limits& ceiling);

/// One line `PATH\0SHA256\0SIZE\n` per file, in order of the path.
[[nodiscard]] std::string canonical_manifest(const std::vector<BundleFile>& sorted);
/// SHA-256 of that: 64 hex digits.
[[nodiscard]] std::string version_of(const std::vector<BundleFile>& sorted);

}  // namespace perilune::api
