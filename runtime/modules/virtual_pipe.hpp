#pragma once

/// @file
/// A connection within an app: two streams joined by two bounded buffers.

#include <memory>
#include <utility>

#include "runtime/modules/net_backend.hpp"

namespace perilune::runtime {

/// Bytes in flight per direction; charged to the VM from the first write on.
inline constexpr std::size_t kPipeCapacity = 64 * 1024;

using StreamPair = std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>>;

/// The connecting end (local is `a`) and the accepted one (local is `b`). Both must be gone before
/// `vm` is.
[[nodiscard]] StreamPair make_pipe_pair(Vm& vm, const Endpoint& a, const Endpoint& b);

}  // namespace perilune::runtime
