#pragma once

/// @file
/// What a deployment does, for the routes that make one.

#include "api/rest/call.hpp"

namespace perilune::api {

/// `?wait=ready` or nothing; anything else is `invalid_query`.
[[nodiscard]] Checked<bool> wants_ready(const Call& call);
/// If-Match as the generation that must be current (`"5"`); `precondition_failed` when it is not
/// one.
[[nodiscard]] Checked<std::optional<std::uint64_t>> wanted_generation(const Call& call);
/// Stores the deployment, writes an event, tells the platform. Does not suspend.
[[nodiscard]] Checked<DeploymentRow> make_deployment(const Call& call, NewDeployment deployment);
/// Suspends until the app serves this deployment and notes how that ended.
[[nodiscard]] Checked<DeploymentRow> await_ready(const Call& call, const AppKey& key,
                                                 DeploymentRow row);

}  // namespace perilune::api
