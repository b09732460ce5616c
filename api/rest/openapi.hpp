#pragma once

/// @file
/// The route table as an OpenAPI 3.1 document and as a page of documentation.

#include <string>

#include "api/rest/call.hpp"

namespace perilune::api {

[[nodiscard]] std::string openapi_document(const ApiConfig& config);
/// docs/reference/rest.md (a test compares; PERILUNE_WRITE_DOCS=1 makes it write).
[[nodiscard]] std::string rest_reference();
/// docs/reference/errors.md: problems of the control API and codes of the gateway.
[[nodiscard]] std::string error_reference();

}  // namespace perilune::api
