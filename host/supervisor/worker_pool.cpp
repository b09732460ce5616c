#include "host/supervisor/worker_pool.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>

#include "runtime/base/log.hpp"

namespace perilune::host {
namespace {

constexpr std::chrono::seconds kSpareTime{5};
constexpr std::chrono::seconds kAfterFailure{1};
/// Spares die, too (somebody's kill -9): look from time to time.
constexpr std::chrono::seconds kLook{1};
constexpr std::chrono::milliseconds kEndingLook{5};
/// Classes that get spares of their own.
constexpr std::size_t kMostShelves = 4;

}  // namespace

WorkerPool::WorkerPool(boost::asio::io_context& loop, AsyncLauncher& launcher, PoolConfig config)
    : loop_{loop}, launcher_{launcher}, config_{config} {}

WorkerPool::Key WorkerPool::key_of(const sandbox::WorkerClass& worker_class) {
  return {worker_class.jit, worker_class.threads, worker_class.memory.count};
}

Result<void> WorkerPool::run(boost::asio::yield_context yield) {
  running_ = true;
  sandbox::WorkerClass usual;
  usual.links = config_.links;
  usual.memory = Limits{}.bytes(Limit::WorkerMemory);
  usual.threads = static_cast<std::uint8_t>(Limits{}.count(Limit::Threads));
  Shelf& shelf = shelves_[key_of(usual)];
  shelf.worker_class = usual;
  auto first = make(usual, Deadline::after(kSpareTime), yield);
  if (!first) return first.error();
  shelf.workers.push_back(std::move(*first));
  boost::asio::spawn(
      loop_, [this](boost::asio::yield_context refilling) { refill(refilling); },
      [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
      });
  return {};
}

void WorkerPool::stop() {
  running_ = false;
  while (drop_spare()) {
  }
  wanted_.notify();
}

bool WorkerPool::drop_spare() {
  for (auto& [key, shelf] : shelves_) {
    if (shelf.workers.empty()) continue;
    shelf.workers.back()->kill(ExitReason::Stopped);
    shelf.workers.pop_back();
    return true;
  }
  return false;
}

std::size_t WorkerPool::spares() const noexcept {
  std::size_t count = 0;
  for (const auto& [key, shelf] : shelves_) count += shelf.workers.size();
  return count;
}

std::size_t WorkerPool::alive() {
  std::erase_if(all_, [](const std::weak_ptr<Worker>& weak) {
    const auto worker = weak.lock();
    return !worker || worker->end();
  });
  return all_.size() + making_;
}

bool WorkerPool::any_ending() const {
  return std::any_of(all_.begin(), all_.end(), [](const std::weak_ptr<Worker>& weak) {
    const auto worker = weak.lock();
    return worker && worker->ending();
  });
}

WorkerPool::Shelf* WorkerPool::lacking() {
  for (auto& [key, shelf] : shelves_) {
    std::erase_if(shelf.workers,
                  [](const auto& worker) { return worker->end() || !worker->violation().empty(); });
    if (shelf.workers.size() < config_.spares) return &shelf;
  }
  return nullptr;
}

void WorkerPool::refill(boost::asio::yield_context yield) {
  while (running_) {
    Shelf* shelf = lacking();
    // A spare must never take an app's place.
    if (shelf == nullptr || alive() + config_.spares >= config_.max_workers) {
      (void)wanted_.wait_until(Signal::Clock::now() + kLook, yield);
      continue;
    }
    auto made = make(shelf->worker_class, Deadline::after(kSpareTime), yield);
    if (made && running_) {
      shelf->workers.push_back(std::move(*made));
    } else if (made) {
      (*made)->kill(ExitReason::Stopped);
    } else if (running_) {
      log::warn("no spare worker", {{"code", made.error().code}, {"detail", made.error().detail}});
      (void)wanted_.wait_until(Signal::Clock::now() + kAfterFailure, yield);
    }
  }
}

std::shared_ptr<Worker> WorkerPool::take_spare(const sandbox::WorkerClass& worker_class) {
  if (worker_class.throw_away) return nullptr;
  const Key key = key_of(worker_class);
  auto found = shelves_.find(key);
  if (found == shelves_.end()) {
    if (shelves_.size() < kMostShelves) shelves_[key].worker_class = worker_class;
    wanted_.notify();
    return nullptr;
  }
  auto& workers = found->second.workers;
  while (!workers.empty()) {
    std::shared_ptr<Worker> worker = std::move(workers.front());
    workers.pop_front();
    wanted_.notify();
    if (!worker->end() && worker->violation().empty()) return worker;
  }
  return nullptr;
}

Result<std::shared_ptr<Worker>> WorkerPool::acquire(sandbox::WorkerClass worker_class,
                                                    Deadline deadline,
                                                    boost::asio::yield_context yield) {
  worker_class.links = config_.links;
  if (auto spare = take_spare(worker_class)) return spare;
  // One that was killed a moment ago (an upload's, mostly) still counts: its place is free soon.
  const auto patience = std::min(deadline.time_point(), Signal::Clock::now() + kLook);
  while (alive() >= config_.max_workers) {
    if (!any_ending() || Signal::Clock::now() >= patience) {
      return Failure{"overloaded", "all " + std::to_string(config_.max_workers) +
                                       " workers (max_workers) are in use"};
    }
    boost::asio::steady_timer pause{loop_, kEndingLook};
    boost::system::error_code ignored;
    pause.async_wait(yield[ignored]);
  }
  return make(worker_class, deadline, yield);
}

Result<std::shared_ptr<Worker>> WorkerPool::make(const sandbox::WorkerClass& worker_class,
                                                 Deadline deadline,
                                                 boost::asio::yield_context yield) {
  ++making_;
  auto spawned = launcher_.spawn(worker_class, deadline, yield);
  --making_;
  if (!spawned) return spawned.error();
  if (!worker_class.jit) {
    layers_ = spawned->layers;
    level_ = spawned->level;
  }
  auto worker = std::make_shared<Worker>(loop_, launcher_, std::move(*spawned));
  worker->run();
  all_.push_back(worker);
  return worker;
}

}  // namespace perilune::host
