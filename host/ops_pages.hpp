#pragma once

/// @file
/// What the metrics listener answers: /metrics, /livez, /readyz.

#include "api/store/store.hpp"
#include "host/http/server.hpp"
#include "host/launcher/async_launcher.hpp"
#include "host/metrics/metrics.hpp"
#include "host/supervisor/supervisor.hpp"
#include "host/supervisor/worker_pool.hpp"

namespace perilune::host {

/// Never suspends; control thread. All references outlive it.
class OpsPages {
 public:
  OpsPages(Metrics& metrics, api::Store& store, AsyncLauncher& launcher, WorkerPool& pool,
           Supervisor& supervisor)
      : metrics_{metrics},
        store_{store},
        launcher_{launcher},
        pool_{pool},
        supervisor_{supervisor} {}

  [[nodiscard]] HttpResponse answer(const HttpRequest& request);
  /// From now on /readyz says 503, so that load balancers send no more.
  void draining() noexcept { draining_ = true; }

 private:
  [[nodiscard]] HttpResponse ready(bool verbose);

  Metrics& metrics_;
  api::Store& store_;
  AsyncLauncher& launcher_;
  WorkerPool& pool_;
  Supervisor& supervisor_;
  bool draining_ = false;
};

}  // namespace perilune::host
