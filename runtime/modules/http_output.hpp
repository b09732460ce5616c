#pragma once

/// @file
/// Turns a message that a script filled into a head that may go on the wire, or says what is wrong.

#include <optional>

#include "runtime/modules/http_backend.hpp"

namespace perilune::runtime {

/// What the head is for.
struct HeadPurpose {
  bool whole = true;             ///< the body follows at once (its length is known)
  bool answers_head = false;     ///< response to HEAD
  bool answers_connect = false;  ///< response to CONNECT
};

/// Checks `message` (names are tokens, values free of control characters, status in 100..999,
/// within the limits `response_headers` and `response_header_count`, framing consistent) and fills
/// `out` with views into it; vectors in `out` are reused. Framing fields (connection,
/// content-length, transfer-encoding, keep-alive) are taken out: the socket writes its own.
///
/// @returns the fault, naming the field, or nothing. `out` is unspecified after a fault.
[[nodiscard]] std::optional<HttpFault> prepare_head(const HttpMessage& message,
                                                    const HeadPurpose& purpose,
                                                    const HttpLimits& limits, OutgoingHead& out);

/// The same checks for trailers; framing fields are refused there.
[[nodiscard]] std::optional<HttpFault> check_trailers(const HeaderMap& trailers,
                                                      const HttpLimits& limits);

}  // namespace perilune::runtime
