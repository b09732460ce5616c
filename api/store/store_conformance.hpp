#pragma once

/// @file
/// What every Store must do, as Catch2 checks: a test file names its factory and calls these.

#include <functional>
#include <memory>

#include "api/store/store.hpp"

namespace perilune::api::test {

/// Opens a new, empty store; called once per check.
using StoreFactory = std::function<std::unique_ptr<Store>()>;

void tenants_and_apps(const StoreFactory& open);
void versions_are_whole_and_shared(const StoreFactory& open);
void versions_are_pruned(const StoreFactory& open);
void deployments_switch_and_roll_back(const StoreFactory& open);
void deployed_apps_obey_ceiling_and_env(const StoreFactory& open);
void logs_are_numbered_filtered_and_capped(const StoreFactory& open);
void tokens_replies_audit(const StoreFactory& open);
void rehearsals_leave_nothing(const StoreFactory& open);

}  // namespace perilune::api::test
