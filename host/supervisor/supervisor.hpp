#pragma once

/// @file
/// Keeps every deployed app runnable: what the control API and the gateway ask of the host.

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "api/platform.hpp"
#include "host/config/config.hpp"
#include "host/supervisor/checker.hpp"
#include "host/supervisor/supervised_app.hpp"

namespace perilune::host {

/// Control thread only, except `GatewayEvents`.
class Supervisor final : public api::Platform, public GatewayEvents {
 public:
  Supervisor(boost::asio::io_context& loop, const Config& config, WorkerPool& pool,
             api::Store& store, Metrics& metrics, LogSink& logs);
  ~Supervisor() override;
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  /// Reads what is deployed, publishes the routes and starts the clocks. Apps start with their
  /// first request.
  [[nodiscard]] Result<void> run(Gateway& gateway);
  /// Kills every worker and waits until they are gone or `deadline`. After it nothing of the
  /// supervisor runs any more, and no call of the gateway may come.
  void stop(Deadline deadline, boost::asio::yield_context yield);

  // api::Platform
  Result<api::CheckReport> check(const api::AppKey& key, api::Upload upload, const Limits& ceiling,
                                 bool jit, boost::asio::yield_context yield) override;
  void app_changed(const api::AppKey& key) override;
  Result<void> wait_ready(const api::AppKey& key, std::uint64_t generation, Deadline deadline,
                          boost::asio::yield_context yield) override;
  [[nodiscard]] api::AppStatus status(const api::AppKey& key) const override;
  [[nodiscard]] std::vector<api::VmRow> vms(const api::AppKey& key) const override;
  [[nodiscard]] Result<api::FiberDump> fibers(const api::AppKey& key, const std::string& vm,
                                              Deadline deadline,
                                              boost::asio::yield_context yield) override;
  [[nodiscard]] std::string isolation_level() const override;

  // GatewayEvents: any thread
  void need_worker(const AppKey& key) override;
  void link_lost(InstanceId instance, std::string violation) override;
  void drained(InstanceId instance) override;

  [[nodiscard]] std::size_t apps() const noexcept { return apps_.size(); }
  [[nodiscard]] WorkerCounts workers() const;

 private:
  void tick(boost::asio::yield_context yield);
  void sample();
  bool make_room();
  [[nodiscard]] bool memory_full() const;
  SupervisedApp& app(const api::AppKey& key);
  [[nodiscard]] SupervisedApp* find(const api::AppKey& key) const;
  [[nodiscard]] SupervisedApp* owner(InstanceId instance) const;
  void follow(api::DeployedApp deployed);
  void publish();
  void sweep();

  boost::asio::io_context& loop_;
  const Config& config_;
  AppContext context_;
  Checker checker_;
  std::map<api::AppKey, std::shared_ptr<SupervisedApp>> apps_;
  std::uint64_t generation_ = 0;
  bool stopping_ = false;
  bool ticking_ = false;
  Signal wake_;
};

}  // namespace perilune::host
