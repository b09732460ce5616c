// How an app gets its next worker.
#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "host/supervisor/supervised_app.hpp"
#include "runtime/base/log.hpp"

namespace perilune::host {
namespace {

using namespace std::chrono_literals;

constexpr auto kSpawnTime = 5s;
constexpr auto kRoomTime = 2s;
constexpr auto kRoomLook = 20ms;
constexpr std::uint64_t kMostThreads = 64;

}  // namespace

void SupervisedApp::begin_start(StartReason reason) {
  if (starting_) return;  // it looks at what is deployed when it is done
  starting_ = true;
  needed_ = false;
  boost::asio::spawn(
      context_.loop,
      [self = shared_from_this(), reason](boost::asio::yield_context yield) {
        self->start(reason, yield);
      },
      [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
      });
}

void SupervisedApp::start(StartReason reason, boost::asio::yield_context yield) {
  const auto began = Clock::now();
  const api::DeployedApp want = deployed_;
  auto made = make_instance(want, yield);
  starting_ = false;
  const bool stale = !wanted() || want.generation != deployed_.generation;
  if (made && stale) {
    (*made)->kill(ExitReason::Stopped);
  } else if (made) {
    adopt(std::move(*made), reason, began);
  } else if (!stale) {
    start_failed(made.error(), want);
  }
  if (stale && wanted()) {
    begin_start(StartReason::Deploy);
  } else if (stale) {
    context_.gateway->fail_waiting(key_, "not_deployed");
  }
  changed_.notify();
}

Result<std::shared_ptr<Worker>> SupervisedApp::acquire_worker(const api::DeployedApp& app,
                                                              boost::asio::yield_context yield) {
  sandbox::WorkerClass worker_class;
  worker_class.jit = app.jit;
  worker_class.memory = app.manifest.limits.bytes(Limit::WorkerMemory);
  worker_class.threads = static_cast<std::uint8_t>(
      std::clamp<std::uint64_t>(app.manifest.limits.count(Limit::Threads), 1, kMostThreads));
  const auto give_up = Clock::now() + kRoomTime;
  for (bool made = false;;) {
    if (!context_.memory_full()) {
      auto worker = context_.pool.acquire(worker_class, Deadline::after(kSpawnTime), yield);
      if (worker || worker.error().code != "overloaded") return worker;
    }
    // What was asked to stop takes a moment.
    made = context_.make_room() || made;
    if (closed_ || !made || Clock::now() > give_up)
      return Failure{"overloaded", "there is no room for another worker on this machine"};
    boost::asio::steady_timer pause{context_.loop, kRoomLook};
    boost::system::error_code ignored;
    pause.async_wait(yield[ignored]);
  }
}

Result<SupervisedApp::InstancePtr> SupervisedApp::make_instance(api::DeployedApp app,
                                                                boost::asio::yield_context yield) {
  const auto bundle = context_.store.bundle(app.version);
  if (!bundle) return bundle.error();
  auto worker = acquire_worker(app, yield);
  if (!worker) return worker.error();
  auto instance = std::make_shared<Instance>(context_.next_instance++, std::move(app),
                                             std::move(*worker), log_, cells_);
  instances_.push_back(instance);
  follow(instance);
  if (const auto started = instance->start(*bundle, yield); !started) {
    instance->kill(ExitReason::Failed);
    return started.error();
  }
  return instance;
}

void SupervisedApp::adopt(InstancePtr instance, StartReason reason, Clock::time_point began) {
  const InstancePtr old = std::exchange(current_, instance);
  isolation_failed_ = false;
  failure_.reset();
  cells_->worker_started(reason, Clock::now() - began);
  context_.gateway->attach(instance->id(), key_, instance->worker().take_links());
  if (old) retire(old);
  log::info("app serves", {{"tenant", key_.tenant},
                           {"app", key_.app},
                           {"version", instance->app().version},
                           {"pid", std::int64_t{instance->worker().pid()}},
                           {"isolation", sandbox::name(instance->worker().level())}});
}

void SupervisedApp::start_failed(const Failure& failure, const api::DeployedApp& app) {
  failure_ = failure;
  failed_generation_ = app.generation;
  log_.event(link::LogLevel::Error, "The app does not start: " + failure.detail, app.version);
  log::warn("app does not start", {{"tenant", key_.tenant},
                                   {"app", key_.app},
                                   {"code", failure.code},
                                   {"detail", failure.detail}});
  isolation_failed_ = failure.code == "isolation_failed";
  const bool apps_fault = failure.code == "start_failed" || failure.code == "worker_crashed" ||
                          failure.code == "wall_limit";
  if (apps_fault) policy_.died(Clock::now());
  if (current_) return;  // the version before goes on
  if (policy_.crash_loop(Clock::now())) return refuse_waiting(Clock::now());
  context_.gateway->fail_waiting(key_,
                                 failure.code == "overloaded" ? "overloaded" : "start_failed");
}

Result<void> SupervisedApp::wait_ready(std::uint64_t generation, Deadline deadline,
                                       boost::asio::yield_context yield) {
  const auto self = shared_from_this();
  failed_generation_ = 0;
  while (true) {
    if (closed_) return Failure{"draining", "the host is stopping"};
    if (current_ && current_->app().generation >= generation) return {};
    if (failure_ && failed_generation_ >= generation) return *failure_;
    if (deployed_.suspended) return Failure{"suspended", "the app or its tenant is suspended"};
    if (!wanted()) return Failure{"not_deployed", "the app has no deployment"};
    begin_start(StartReason::Deploy);
    if (!changed_.wait_until(deadline.time_point(), yield))
      return Failure{"wall_limit", "the app was not ready in time"};
  }
}

}  // namespace perilune::host
