#include "host/supervisor/supervisor.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "runtime/base/log.hpp"

namespace perilune::host {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 200ms;
constexpr int kTicksPerSecond = 5;
constexpr int kTicksPerMemorySample = 25;

}  // namespace

Supervisor::Supervisor(boost::asio::io_context& loop, const Config& config, WorkerPool& pool,
                       api::Store& store, Metrics& metrics, LogSink& logs)
    : loop_{loop},
      config_{config},
      context_{.loop = loop,
               .pool = pool,
               .store = store,
               .metrics = metrics,
               .logs = logs,
               .gateway = nullptr,
               .next_instance = 1,
               .make_room = [this] { return make_room(); },
               .memory_full = [this] { return memory_full(); }},
      checker_{loop, pool, config.upload_concurrency, [this] { return make_room(); }} {}

Supervisor::~Supervisor() = default;

Result<void> Supervisor::run(Gateway& gateway) {
  context_.gateway = &gateway;
  auto all = context_.store.all_deployments();
  if (!all) return all.error();
  for (api::DeployedApp& deployed : *all) follow(std::move(deployed));
  publish();
  ticking_ = true;
  boost::asio::spawn(
      loop_, [this](boost::asio::yield_context yield) { tick(yield); },
      [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
      });
  return {};
}

void Supervisor::tick(boost::asio::yield_context yield) {
  auto next = SupervisedApp::Clock::now();
  for (int i = 0; !stopping_; ++i) {
    next += kTick;
    while (!stopping_ && wake_.wait_until(next, yield)) {
    }
    const auto now = SupervisedApp::Clock::now();
    if (i % kTicksPerSecond == 0) context_.metrics.loop_lag(now - next);
    next = std::max(next, now - kTick);
    for (const auto& [key, app] : apps_) app->tick(now);
    if (i % kTicksPerMemorySample == 0) sample();
    context_.logs.flush();
    context_.metrics.workers(workers());
    context_.metrics.layers(context_.pool.layers());
    sweep();
  }
  ticking_ = false;
  wake_.notify();
}

void Supervisor::sample() {
  for (const auto& [key, app] : apps_) app->sample_memory();
}

/// Apps that are gone from the store leave when their last worker has.
void Supervisor::sweep() {
  std::erase_if(apps_, [this](const auto& entry) {
    const SupervisedApp& app = *entry.second;
    const bool gone = app.quiet() && !app.deployed();
    if (gone) context_.metrics.forget(entry.first);
    return gone;
  });
}

WorkerCounts Supervisor::workers() const {
  WorkerCounts counts;
  counts.spare = static_cast<std::int64_t>(context_.pool.spares());
  for (const auto& [key, app] : apps_) app->count(counts);
  return counts;
}

bool Supervisor::memory_full() const {
  if (config_.worker_memory_total.count == 0) return false;
  std::uint64_t sum = 0;
  for (const auto& [key, app] : apps_) sum += app->memory();
  return sum >= config_.worker_memory_total.count;
}

bool Supervisor::make_room() {
  if (context_.pool.drop_spare()) return true;
  SupervisedApp* oldest = nullptr;
  for (const auto& [key, app] : apps_) {
    if (app->quiet()) continue;
    if (oldest == nullptr || app->last_use() < oldest->last_use()) {
      if (app->evictable()) oldest = app.get();
    }
  }
  return oldest != nullptr && oldest->evict();
}

SupervisedApp& Supervisor::app(const api::AppKey& key) {
  auto& place = apps_[key];
  if (!place) place = std::make_shared<SupervisedApp>(context_, key);
  return *place;
}

SupervisedApp* Supervisor::find(const api::AppKey& key) const {
  const auto found = apps_.find(key);
  return found == apps_.end() ? nullptr : found->second.get();
}

SupervisedApp* Supervisor::owner(InstanceId instance) const {
  const auto found = std::find_if(apps_.begin(), apps_.end(),
                                  [&](const auto& entry) { return entry.second->has(instance); });
  return found == apps_.end() ? nullptr : found->second.get();
}

void Supervisor::follow(api::DeployedApp deployed) {
  const api::AppKey key = deployed.key;
  app(key).update(std::move(deployed));
}

void Supervisor::publish() {
  std::vector<std::shared_ptr<const AppRoute>> routes;
  routes.reserve(apps_.size());
  for (const auto& [key, app] : apps_) {
    auto route = app->route();
    if (!route->version.empty()) routes.push_back(std::move(route));
  }
  context_.gateway->publish(std::make_shared<const RouteTable>(config_.base_domain, routes));
  context_.metrics.generation(++generation_);
}

void Supervisor::app_changed(const api::AppKey& key) {
  if (stopping_) return;
  auto deployed = context_.store.deployed(key);
  if (deployed) {
    follow(std::move(*deployed));
  } else if (deployed.error().code == "not_found") {
    if (find(key) == nullptr) return;
    api::DeployedApp gone;
    gone.key = key;
    follow(std::move(gone));
  } else {
    // What runs goes on with what was known last.
    log::error("an app's deployment cannot be read",
               {{"tenant", key.tenant}, {"app", key.app}, {"detail", deployed.error().detail}});
    return;
  }
  publish();
}

Result<void> Supervisor::wait_ready(const api::AppKey& key, std::uint64_t generation,
                                    Deadline deadline, boost::asio::yield_context yield) {
  SupervisedApp* found = find(key);
  if (found == nullptr) return Failure{"not_deployed", "the app has no deployment"};
  return found->wait_ready(generation, deadline, yield);
}

Result<api::CheckReport> Supervisor::check(const api::AppKey& key, api::Upload upload,
                                           const Limits& ceiling, bool jit,
                                           boost::asio::yield_context yield) {
  return checker_.check(key, upload, ceiling, jit, yield);
}

api::AppStatus Supervisor::status(const api::AppKey& key) const {
  const SupervisedApp* found = find(key);
  return found == nullptr ? api::AppStatus{} : found->status();
}

std::vector<api::VmRow> Supervisor::vms(const api::AppKey& key) const {
  const SupervisedApp* found = find(key);
  return found == nullptr ? std::vector<api::VmRow>{} : found->vms();
}

Result<api::FiberDump> Supervisor::fibers(const api::AppKey& key, const std::string& vm,
                                          Deadline deadline, boost::asio::yield_context yield) {
  SupervisedApp* found = find(key);
  if (found == nullptr) return Failure{"not_found", "the app does not run here"};
  return found->shared_from_this()->fibers(vm, deadline, yield);
}

std::string Supervisor::isolation_level() const {
  return std::string{sandbox::name(context_.pool.level())};
}

void Supervisor::need_worker(const AppKey& key) {
  boost::asio::post(loop_, [this, key] {
    if (SupervisedApp* found = find(key)) {
      found->need();
    } else if (context_.gateway != nullptr) {
      context_.gateway->fail_waiting(key, "not_deployed");
    }
  });
}

void Supervisor::link_lost(InstanceId instance, std::string violation) {
  boost::asio::post(loop_, [this, instance, violation = std::move(violation)] {
    if (SupervisedApp* found = owner(instance)) found->link_lost(instance, violation);
  });
}

void Supervisor::drained(InstanceId instance) {
  boost::asio::post(loop_, [this, instance] {
    if (SupervisedApp* found = owner(instance)) found->drained(instance);
  });
}

void Supervisor::stop(Deadline deadline, boost::asio::yield_context yield) {
  stopping_ = true;
  checker_.stop();
  context_.pool.stop();
  for (const auto& [key, app] : apps_) app->shut_down();
  wake_.notify();
  const auto all_quiet = [&] {
    return !ticking_ && std::all_of(apps_.begin(), apps_.end(),
                                    [](const auto& entry) { return entry.second->quiet(); });
  };
  while (!all_quiet() && Deadline::Clock::now() < deadline.time_point())
    (void)wake_.wait_until(std::min(deadline.time_point(), Deadline::Clock::now() + 10ms), yield);
  context_.logs.flush();
}

}  // namespace perilune::host
