#pragma once

/// @file
/// The first token: how an operator gets in after the first start.

#include <string>

#include "api/store/store.hpp"

namespace perilune::api {

/// Writes DATA/admin.token (mode 0600) at the first start and stores its hash; the token may do
/// everything. Later starts return what the file says, or an empty string when an operator has
/// removed it: it is not made again. A crash in between is made good by the next start.
[[nodiscard]] Result<std::string> ensure_operator_token(Store& store, const std::string& data_dir);

}  // namespace perilune::api
