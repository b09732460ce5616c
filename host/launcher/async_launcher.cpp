#include "host/launcher/async_launcher.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "runtime/base/log.hpp"

namespace perilune::host {
namespace {

constexpr std::chrono::milliseconds kRetry{5};
const Failure kGone{"launcher_gone", "the launcher process has ended"};

}  // namespace

AsyncLauncher::AsyncLauncher(boost::asio::io_context& loop, sandbox::LauncherClient client)
    : loop_{loop}, client_{std::move(client)}, readable_{loop, client_.fd()} {}

AsyncLauncher::~AsyncLauncher() {
  if (readable_.is_open()) readable_.release();  // the client closes it
}

void AsyncLauncher::run(std::function<void()> on_gone) {
  on_gone_ = std::move(on_gone);
  boost::asio::spawn(
      loop_, [this](boost::asio::yield_context yield) { read_events(yield); },
      [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
      });
}

void AsyncLauncher::stop() {
  alive_ = false;
  on_gone_ = nullptr;
  if (readable_.is_open()) readable_.cancel();
  changed_.notify();
}

void AsyncLauncher::read_events(boost::asio::yield_context yield) {
  while (alive_) {
    auto event = client_.receive();
    if (!event) return gone();
    if (*event) {
      handle(std::move(**event));
      continue;
    }
    boost::system::error_code error;
    readable_.async_wait(boost::asio::posix::stream_descriptor::wait_read, yield[error]);
    if (error && alive_) return gone();
  }
}

void AsyncLauncher::gone() {
  if (!std::exchange(alive_, false)) return;
  changed_.notify();
  if (on_gone_) on_gone_();
}

void AsyncLauncher::handle(sandbox::LauncherEvent event) {
  using Kind = sandbox::LauncherEvent::Kind;
  if (event.kind == Kind::Exited) {
    const auto watched = watched_.extract(event.exited.slot);
    if (watched) {
      watched.mapped()(event.exited);
    } else {
      early_exits_[event.exited.slot] = event.exited;
    }
    return;
  }
  const auto found = pending_.find(event.request);
  if (event.kind == Kind::Spawned) {
    early_exits_.erase(event.spawned.slot);
    if (found == pending_.end() || found->second.abandoned) {
      watch(event.spawned.slot, [](const sandbox::WorkerExited&) {});
      kill(event.spawned.slot, event.spawned.pid);
    } else {
      found->second.answer = std::move(event.spawned);
    }
  } else if (event.kind == Kind::SpawnFailed && found != pending_.end()) {
    std::string detail = "step " + event.failed.step;
    if (event.failed.error != 0) detail = system_failure(detail, event.failed.error).detail;
    if (!event.failed.detail.empty()) detail += ": " + event.failed.detail;
    const std::string& step = event.failed.step;
    const bool busy = step == "rate" || step == "max_workers" || step == "timeout";
    found->second.answer = Failure{busy ? "overloaded" : "isolation_failed", std::move(detail)};
  }
  if (found != pending_.end() && found->second.abandoned) pending_.erase(found);
  changed_.notify();
}

Result<std::uint32_t> AsyncLauncher::request(const sandbox::WorkerClass& worker_class,
                                             Deadline deadline, boost::asio::yield_context yield) {
  while (alive_) {
    const auto id = client_.spawn(worker_class);
    if (id || id.error().code != "would_block") return id;
    boost::asio::steady_timer pause{loop_, kRetry};
    boost::system::error_code ignored;
    pause.async_wait(yield[ignored]);
    if (Deadline::Clock::now() > deadline.time_point())
      return Failure{"overloaded", "the launcher takes no request"};
  }
  return kGone;
}

Result<sandbox::SpawnedWorker> AsyncLauncher::spawn(const sandbox::WorkerClass& worker_class,
                                                    Deadline deadline,
                                                    boost::asio::yield_context yield) {
  const auto id = request(worker_class, deadline, yield);
  if (!id) return id.error();
  pending_.try_emplace(*id);
  while (alive_ && !pending_[*id].answer) {
    if (changed_.wait_until(deadline.time_point(), yield)) continue;
    if (pending_[*id].answer) break;
    pending_[*id].abandoned = true;  // whoever comes late is killed
    return Failure{"overloaded", "no worker was to be had in time"};
  }
  auto node = pending_.extract(*id);
  if (!node.mapped().answer) return kGone;
  return std::move(*node.mapped().answer);
}

void AsyncLauncher::kill(std::uint32_t slot, pid_t pid) {
  if (!alive_) return;
  const auto sent = client_.kill(slot, pid);
  if (sent || sent.error().code != "would_block") return;
  boost::asio::spawn(
      loop_,
      [this, slot, pid](boost::asio::yield_context yield) {
        boost::asio::steady_timer pause{loop_, kRetry};
        boost::system::error_code ignored;
        pause.async_wait(yield[ignored]);
        kill(slot, pid);
      },
      [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
      });
}

void AsyncLauncher::watch(std::uint32_t slot, OnExit on_exit) {
  if (const auto early = early_exits_.extract(slot)) {
    boost::asio::post(loop_,
                      [exited = early.mapped(), call = std::move(on_exit)] { call(exited); });
    return;
  }
  watched_[slot] = std::move(on_exit);
}

}  // namespace perilune::host
