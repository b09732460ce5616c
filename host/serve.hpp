#pragma once

/// @file
/// `perilune serve`: the object graph of the host, top to bottom.

#include "host/config/config.hpp"
#include "sandbox/launcher.hpp"

namespace perilune::host {

/// Forks the launcher, opens the store, serves until SIGTERM or SIGINT (drain; a second one: at
/// once) and returns the process's exit status: 0 after a graceful stop, 1 when it cannot start or
/// the launcher died. Must be called while the process is single-threaded.
///
/// When everything listens, one line `{"msg":"serving","gateway":"ADDRESS:PORT","admin":…,
/// "metrics":…}` says where.
int serve(const Config& config);

/// What the launcher is told of the configuration.
[[nodiscard]] sandbox::LauncherConfig launcher_config(const Config& config);

}  // namespace perilune::host
