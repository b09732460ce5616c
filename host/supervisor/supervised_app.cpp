#include "host/supervisor/supervised_app.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/log.hpp"

namespace perilune::host {
namespace {

using namespace std::chrono_literals;

/// Requests wait at most so long for a back-off to pass; beyond it they are refused at once.
constexpr auto kPatience = 5s;
/// A deployment's old worker dies so long after its longest request could have ended.
constexpr auto kRetireSlack = 5s;

}  // namespace

SupervisedApp::SupervisedApp(AppContext& context, api::AppKey key)
    : context_{context},
      key_{std::move(key)},
      cells_{context.metrics.app(key_)},
      load_{std::make_shared<AppLoad>()},
      log_{context.logs, key_, cells_} {
  deployed_.key = key_;
}

void SupervisedApp::update(api::DeployedApp deployed) {
  const bool new_deployment =
      deployed.generation != deployed_.generation || deployed.version != deployed_.version;
  deployed_ = std::move(deployed);
  if (new_deployment) {
    policy_.reset();
    isolation_failed_ = false;
    cells_->crash_loop(false);
  }
  log_.set_limits(deployed_.manifest.limits);
  cells_->memory_limit(deployed_.manifest.limits.raw(Limit::WorkerMemory));
  context_.metrics.deployed(key_, deployed_.version);
  if (deployed_.suspended) {
    kill_all(ExitReason::Suspended);
  } else if (deployed_.version.empty()) {
    if (current_) retire(std::exchange(current_, nullptr));
  } else if (current_ && (current_->app().generation != deployed_.generation ||
                          current_->app().jit != deployed_.jit)) {
    begin_start(StartReason::Deploy);
  }
  changed_.notify();
}

bool SupervisedApp::wanted() const noexcept {
  return !closed_ && !deployed_.suspended && !deployed_.version.empty();
}

bool SupervisedApp::busy() const noexcept {
  return load_->running.load() != 0 || load_->queued.load() != 0;
}

void SupervisedApp::need() {
  if (closed_) return;
  if (starting_) return;  // what is under way serves it
  if (current_) {
    // It is attached, and this request came before; or it is dying, and the gateway knew first.
    needed_ = true;
    return;
  }
  if (!wanted()) return context_.gateway->fail_waiting(key_, "not_deployed");
  const auto now = Clock::now();
  if (policy_.not_before() <= now) {
    begin_start(policy_.deaths() == 0 ? StartReason::Request : StartReason::Restart);
  } else if (policy_.crash_loop(now) || policy_.not_before() - now > kPatience) {
    refuse_waiting(now);
  } else {
    needed_ = true;
  }
}

void SupervisedApp::refuse_waiting(Clock::time_point now) {
  cells_->crash_loop(policy_.crash_loop(now));
  context_.gateway->fail_waiting(key_, policy_.crash_loop(now) ? "crash_loop" : "start_failed");
}

void SupervisedApp::tick(Clock::time_point now) {
  if (needed_ && !current_ && !starting_ && now >= policy_.not_before()) {
    needed_ = false;
    if (wanted()) begin_start(StartReason::Restart);
  }
  if (policy_.deaths() >= RestartPolicy::kLoopDeaths) cells_->crash_loop(policy_.crash_loop(now));
  for (const InstancePtr& instance : instances_) instance->watch(now, busy());
  if (current_ && !busy() && now - last_use() > deployed_.manifest.limits.duration(Limit::Idle))
    evict();
}

SupervisedApp::Clock::time_point SupervisedApp::last_use() const noexcept {
  const Clock::time_point request{std::chrono::milliseconds{load_->last_request_ms.load()}};
  return current_ ? std::max(request, current_->since()) : request;
}

void SupervisedApp::sample_memory() {
  for (const InstancePtr& instance : instances_) {
    if (instance->state() != Instance::State::Starting) instance->watch_memory();
  }
  if (instances_.empty()) cells_->memory(0);
}

bool SupervisedApp::evict() {
  if (!current_ || busy()) return false;
  needed_ = false;
  retire(std::exchange(current_, nullptr));
  changed_.notify();
  return true;
}

void SupervisedApp::retire(const InstancePtr& instance) {
  const auto wall = instance->app().manifest.limits.duration(Limit::Wall);
  instance->drain(Clock::now() + wall + kRetireSlack);
  context_.gateway->retire(instance->id());
}

void SupervisedApp::drained(InstanceId instance) {
  if (const InstancePtr found = find(instance)) found->stop(Clock::now());
}

void SupervisedApp::link_lost(InstanceId instance, const std::string& violation) {
  const InstancePtr found = find(instance);
  if (!found) return;
  if (violation.empty()) return;  // its end is on the way: the control link notices, too
  log_.event(link::LogLevel::Error, "The worker broke the link's protocol: " + violation,
             found->app().version);
  found->kill(ExitReason::Protocol);
}

void SupervisedApp::kill_all(ExitReason reason) {
  for (const InstancePtr& instance : instances_) instance->kill(reason);
  needed_ = false;
}

void SupervisedApp::shut_down() {
  closed_ = true;
  kill_all(ExitReason::Stopped);
  changed_.notify();
}

SupervisedApp::InstancePtr SupervisedApp::find(InstanceId id) const noexcept {
  const auto found =
      std::find_if(instances_.begin(), instances_.end(),
                   [&](const InstancePtr& instance) { return instance->id() == id; });
  return found == instances_.end() ? nullptr : *found;
}

bool SupervisedApp::has(InstanceId instance) const noexcept { return find(instance) != nullptr; }

void SupervisedApp::follow(InstancePtr instance) {
  boost::asio::spawn(
      context_.loop,
      [self = shared_from_this(), instance](boost::asio::yield_context yield) {
        (void)instance->worker().wait_end(Clock::time_point::max(), yield);
        self->ended(instance);
      },
      [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
      });
}

void SupervisedApp::ended(const InstancePtr& instance) {
  instances_.remove(instance);
  context_.gateway->instance_dead(instance->id());
  const WorkerEnd end = instance->worker().end().value_or(WorkerEnd{});
  cells_->worker_exited(end.reason);
  last_exit_ = end.reason;
  const std::string& violation{std::string{instance->worker().violation()}};
  if (!violation.empty()) context_.metrics.link_violation(violation.c_str());
  const bool was_current = current_ == instance;
  if (was_current) current_ = nullptr;
  // A worker that dies while it starts is `start_failed`'s business.
  if (is_crash(end.reason) && instance->state() != Instance::State::Starting && !closed_) {
    log_.event(link::LogLevel::Error,
               "The worker died: " + std::string{name(end.reason)} + ", " + end.detail,
               instance->app().version);
    if (instance->app().generation == deployed_.generation) died(end.reason);
  }
  if (was_current && std::exchange(needed_, false)) need();
  changed_.notify();
}

void SupervisedApp::died(ExitReason reason) {
  const auto now = Clock::now();
  policy_.died(now);
  ++restarts_;
  log::warn("worker died", {{"tenant", key_.tenant},
                            {"app", key_.app},
                            {"reason", name(reason)},
                            {"deaths", static_cast<std::int64_t>(policy_.deaths())}});
  if (policy_.crash_loop(now)) refuse_waiting(now);
}

void SupervisedApp::count(WorkerCounts& counts) const noexcept {
  for (const InstancePtr& instance : instances_) {
    counts.starting += instance->state() == Instance::State::Starting ? 1 : 0;
    counts.running += instance->state() == Instance::State::Running ? 1 : 0;
    counts.draining += instance->state() == Instance::State::Draining ? 1 : 0;
  }
}

std::uint64_t SupervisedApp::memory() const noexcept {
  std::uint64_t sum = 0;
  for (const InstancePtr& instance : instances_) sum += instance->memory();
  return sum;
}

std::shared_ptr<const AppRoute> SupervisedApp::route() const {
  auto route = std::make_shared<AppRoute>();
  route->key = key_;
  route->generation = deployed_.generation;
  route->version = deployed_.version;
  route->suspended = deployed_.suspended;
  route->limits = deployed_.manifest.limits;
  route->load = load_;
  route->metrics = cells_;
  return route;
}

api::AppStatus SupervisedApp::status() const {
  api::AppStatus status;
  status.version = deployed_.version;
  status.restarts = restarts_;
  if (last_exit_) status.last_exit = name(*last_exit_);
  const auto now = Clock::now();
  using S = api::AppState;
  if (deployed_.version.empty()) {
    status.state = S::NotDeployed;
  } else if (deployed_.suspended) {
    status.state = S::Suspended;
  } else if (current_) {
    status.state = S::Running;
    status.version = current_->app().version;
    status.isolation = sandbox::name(current_->worker().level());
    status.jit = current_->app().jit;
    status.pid = static_cast<std::uint32_t>(current_->worker().pid());
    status.memory = current_->memory();
    status.since = current_->since_unix();
    if (const auto& pong = current_->worker().pong()) status.fibers = pong->fibers;
  } else if (starting_) {
    status.state = S::Starting;
  } else if (isolation_failed_) {
    status.state = S::IsolationFailed;
  } else if (policy_.crash_loop(now)) {
    status.state = S::CrashLoop;
  } else {
    status.state = now < policy_.not_before() ? S::BackingOff : S::Idle;
  }
  return status;
}

}  // namespace perilune::host
