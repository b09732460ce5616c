#pragma once

/// @file
/// Compiles a Lua source without running it and says where it is wrong.

#include <optional>
#include <string>
#include <string_view>

#include "runtime/worker/bundle.hpp"

namespace perilune::runtime {
class Vm;
}

namespace perilune::worker {

/// Nothing if `source` compiles in `vm`. Bytecode and binaries are refused unread.
[[nodiscard]] std::optional<Finding> check_syntax(runtime::Vm& vm, const std::string& path,
                                                  std::string_view source);

}  // namespace perilune::worker
