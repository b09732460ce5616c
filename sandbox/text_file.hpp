#pragma once

/// @file
/// Small files of /proc and of control groups, whole.

#include <optional>
#include <string>
#include <string_view>

namespace perilune::sandbox {

/// The file's text, at most 1 MiB of it; empty with errno set if it cannot be read.
[[nodiscard]] std::optional<std::string> read_text(const std::string& path);
/// One write(2). @returns 0, or -1 with errno set.
[[nodiscard]] int write_text(const std::string& path, std::string_view text);

}  // namespace perilune::sandbox
