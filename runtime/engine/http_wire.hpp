#pragma once

/// @file
/// Writes the heads of HTTP/1.1 messages.

#include <string>

#include "runtime/modules/http_backend.hpp"

namespace perilune::runtime {

/// What the connection, not the app, decides about a head.
struct WireOptions {
  bool close = false;              ///< the connection ends after this message
  bool keep_alive_http10 = false;  ///< tell an HTTP/1.0 peer that it goes on
  bool http10 = false;             ///< client: speak HTTP/1.0
  std::string_view host;           ///< client: for a request that has no Host of its own
};

/// Appends start line, fields, framing and the empty line. `head` was checked by `prepare_head`.
void append_head(std::string& out, const OutgoingHead& head, const WireOptions& options);
/// Appends `body` as one chunk. Not empty.
void append_chunk(std::string& out, std::string_view body);
/// Appends the last chunk and the trailers (nullptr: none).
void append_last_chunk(std::string& out, const HeaderMap* trailers);

}  // namespace perilune::runtime
