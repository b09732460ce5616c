#pragma once

/// @file
/// HTTP/1.1 over a byte stream, as server or client.

#include <memory>

#include "runtime/modules/http_backend.hpp"

namespace perilune::runtime {

/// For `set_http_stream_backend`.
[[nodiscard]] std::unique_ptr<HttpBackend> make_http_stream_backend(Vm& vm,
                                                                    std::shared_ptr<Stream> stream);

/// Bytes of a request that an app left unread which are skipped to keep the connection; with more
/// to come it is closed.
inline constexpr std::size_t kMostDrained = 256 * 1024;

/// Requests that a client may send before it reads a response.
inline constexpr std::size_t kMostPipelined = 1000;

}  // namespace perilune::runtime
