#include "host/gateway/thread.hpp"

#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <exception>
#include <new>
#include <stdexcept>
#include <utility>

#include "host/gateway/session.hpp"
#include "host/gateway/sockets.hpp"
#include "host/http1/response.hpp"
#include "runtime/base/log.hpp"

namespace perilune::host {
namespace {

constexpr int kMostAccepts = 64;
/// After the system ran out of descriptors.
constexpr std::chrono::milliseconds kAcceptPause{100};
/// Between two looks at the deadlines.
constexpr std::chrono::milliseconds kScanPause{5};
/// Looks at the sockets, beyond a turn's first, before the links are flushed.
constexpr int kMorePasses = 2;
/// So long before a drain's end the queue is told.
constexpr std::chrono::milliseconds kQueueNotice{250};

void serve(ThreadState& state, Connection& connection) {
  try {
    Session session{state, connection};
    session.run();
  } catch (const std::exception& error) {
    log::error("a connection's fiber failed", {{"error", std::string_view{error.what()}}});
    connection.abort();
  }
}

}  // namespace

RequestIds::RequestIds() {
  if (::getrandom(state_.data(), sizeof state_, 0) != static_cast<ssize_t>(sizeof state_))
    throw std::runtime_error{"getrandom failed"};
}

std::uint64_t RequestIds::next() noexcept {
  const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
  const std::uint64_t shifted = state_[1] << 17U;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

const std::string& ThreadState::date() {
  const std::int64_t second = log::now_milliseconds() / 1000;
  if (second != std::exchange(date_second_, second)) date_ = http1::http_date(second);
  return date_;
}

GatewayThread::GatewayThread(const GatewayConfig& config, GatewayEvents& events,
                             GatewayMetrics& metrics)
    : state_{config, events, metrics} {
  state_.routes =
      std::make_shared<const RouteTable>("invalid", std::vector<std::shared_ptr<const AppRoute>>{});
  state_.routes_generation = 1;
}

GatewayThread::~GatewayThread() {
  // `run` ends with the last connection. If it never ran there are none.
  links_.clear();
}

void GatewayThread::listen_on(UniqueFd listener) {
  listener_ = std::move(listener);
  accepting_ = state_.loop.add(listener_.get(), EPOLLIN, *this);
}

void GatewayThread::post(std::function<void(GatewayThread&)> order) {
  state_.loop.post([this, order = std::move(order)] { order(*this); });
}

std::function<void()> GatewayThread::run() {
  while (!state_.draining || !connections_.empty()) {
    state_.loop.turn(timeout_ms(), state_.now);
    run_ready();
    gather();
    if (state_.now >= state_.next_scan) {
      scan();
      run_ready();
    }
    write_out();
    reap();
  }
  links_.clear();
  for (Retiring& retiring : retiring_) retiring.idle();
  retiring_.clear();
  return std::move(on_ended_);
}

int GatewayThread::timeout_ms() const {
  if (!state_.ready.empty() || !state_.unwritten.empty() || !state_.unflushed.empty()) return 0;
  if (state_.next_scan == TimePoint::max()) return -1;
  const auto left = state_.next_scan - Clock::now();
  if (left <= Clock::duration::zero()) return 0;
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::min<std::int64_t>(ms, 60000));
}

void GatewayThread::run_ready() {
  // Fibers may make others ready; those are this turn's too.
  for (std::size_t i = 0; i < state_.ready.size(); ++i) {
    Connection& connection = *state_.ready[i];
    connection.resume();
    if (connection.ended()) ended_.push_back(&connection);
  }
  state_.ready.clear();
}

/// Before workers are woken: what became ready meanwhile travels along. A worker's sleep and
/// wake-up cost more than a request does, and the answers just written bring the next requests.
void GatewayThread::gather() {
  for (int pass = 0; pass < kMorePasses && !state_.unflushed.empty(); ++pass) {
    write_clients();
    if (state_.loop.turn(0, state_.now) <= 0) return;
    run_ready();
  }
}

void GatewayThread::write_clients() {
  for (std::size_t i = 0; i < state_.unwritten.size(); ++i) state_.unwritten[i]->flush();
  state_.unwritten.clear();
}

/// One write per connection, then (credit included) one flush per link.
void GatewayThread::write_out() {
  write_clients();
  for (std::size_t i = 0; i < state_.unflushed.size(); ++i) state_.unflushed[i]->flush();
  state_.unflushed.clear();
}

void GatewayThread::reap() {
  for (Connection* connection : ended_) {
    const std::size_t slot = connection->slot;
    connections_.back()->slot = slot;
    std::swap(connections_[slot], connections_.back());
    connections_.pop_back();
    state_.metrics.connections(-1);
  }
  ended_.clear();
  for (auto i = links_.begin(); i != links_.end();) {
    WorkerLink& link = *i->second;
    if (!link.broken() || link.unflushed) {
      ++i;
      continue;
    }
    i = links_.erase(i);
  }
  std::erase_if(retiring_, [this](Retiring& retiring) {
    const auto found = links_.find(retiring.instance);
    if (found != links_.end() && !found->second->idle()) return false;
    retiring.idle();
    return true;
  });
}

void GatewayThread::scan() {
  state_.next_scan = TimePoint::max();
  for (const auto& connection : connections_) connection->check_deadlines();
  for (const auto& [instance, link] : links_) link->check_deadlines();
  if (accept_again_ <= state_.now) {
    accept_again_ = TimePoint::max();
    if (listener_) accepting_ = state_.loop.add(listener_.get(), EPOLLIN, *this);
  }
  if (fail_queued_at_ <= state_.now) {
    fail_queued_at_ = TimePoint::max();
    state_.apps.fail_all("draining");
  }
  if (cut_at_ <= state_.now) {
    cut_at_ = TimePoint::max();
    stop();
  }
  for (const TimePoint at : {accept_again_, fail_queued_at_, cut_at_}) state_.note(at);
  state_.next_scan = std::max(state_.next_scan, state_.now + kScanPause);
}

void GatewayThread::on_ready(std::uint32_t) { accept_some(); }

void GatewayThread::accept_some() {
  for (int i = 0; i < kMostAccepts && listener_; ++i) {
    Accepted accepted = accept_client(listener_.get());
    if (!accepted.fd) {
      if (accepted.exhausted) pause_accepting();
      return;
    }
    if (connections_.size() >= state_.config.max_connections) {
      state_.metrics.rejected("overloaded");
      continue;
    }
    try {
      connections_.push_back(std::make_unique<Connection>(
          state_, std::move(accepted.fd), std::move(accepted.client),
          [this](Connection& connection) { serve(state_, connection); }));
    } catch (const std::bad_alloc&) {  // no stack for its fiber
      pause_accepting();
      return;
    }
    connections_.back()->slot = connections_.size() - 1;
    state_.metrics.connections(1);
  }
}

void GatewayThread::pause_accepting() {
  state_.loop.remove(listener_.get());
  accepting_ = false;
  accept_again_ = state_.now + kAcceptPause;
  state_.note(accept_again_);
}

void GatewayThread::publish(std::shared_ptr<const RouteTable> routes) {
  state_.routes = std::move(routes);
  ++state_.routes_generation;
}

void GatewayThread::attach(InstanceId instance, const AppKey& key, UniqueFd fd,
                           std::uint32_t window) {
  App& app = state_.apps.get(key);
  auto& slot = links_[instance];
  slot = std::make_unique<WorkerLink>(state_, instance, app, std::move(fd), window);
  if (!slot->broken()) state_.apps.attach(app, *slot);
}

void GatewayThread::retire(InstanceId instance, std::function<void()> idle) {
  if (const auto found = links_.find(instance); found != links_.end()) {
    found->second->retired = true;
    state_.apps.detach(found->second->app(), *found->second);
  }
  retiring_.push_back({instance, std::move(idle)});
}

void GatewayThread::instance_dead(InstanceId instance) {
  if (const auto found = links_.find(instance); found != links_.end()) found->second->read_out();
}

void GatewayThread::fail_waiting(const AppKey& key, const std::string& code) {
  state_.apps.fail_waiting(key, code);
}

void GatewayThread::close_listener() {
  if (accepting_) state_.loop.remove(listener_.get());
  accepting_ = false;
  listener_.reset();
}

void GatewayThread::drain(TimePoint deadline, std::function<void()> ended) {
  on_ended_ = std::move(ended);
  state_.draining = true;
  close_listener();
  for (const auto& connection : connections_) {
    if (connection->idle) connection->wake();
  }
  fail_queued_at_ = std::max(state_.now, deadline - kQueueNotice);
  cut_at_ = deadline;
  state_.note(fail_queued_at_);
}

void GatewayThread::stop() {
  state_.draining = true;
  close_listener();
  for (const auto& connection : connections_) connection->abort();
}

}  // namespace perilune::host
