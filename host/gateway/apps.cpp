#include "host/gateway/apps.hpp"

#include <algorithm>
#include <utility>

#include "host/gateway/thread_state.hpp"

namespace perilune::host {
namespace {

bool take_place(AppLoad& load, std::uint64_t most) noexcept {
  std::uint32_t running = load.running.load();
  while (running < most) {
    if (load.running.compare_exchange_weak(running, running + 1)) return true;
  }
  return false;
}

}  // namespace

Ticket::Ticket(Ticket&& other) noexcept { *this = std::move(other); }

Ticket& Ticket::operator=(Ticket&& other) noexcept {
  if (this == &other) return *this;
  finish(Outcome::Canceled);
  status = other.status;
  received = other.received;
  sent = other.sent;
  state_ = std::exchange(other.state_, nullptr);
  app_ = other.app_;
  route_ = std::move(other.route_);
  start_ = other.start_;
  return *this;
}

Ticket::~Ticket() { finish(Outcome::Canceled); }

void Ticket::finish(Outcome outcome, std::chrono::microseconds cpu) {
  if (state_ == nullptr) return;
  ThreadState& state = *std::exchange(state_, nullptr);
  const auto duration = std::max(Clock::now() - start_, Clock::duration::zero());
  // A worker cannot have used more than its threads could: its claim reaches a metric.
  const auto most =
      std::chrono::duration_cast<std::chrono::microseconds>(duration) *
      static_cast<std::int64_t>(std::max<std::uint64_t>(1, route_->limits.raw(Limit::Threads)));
  // Whoever hears that it is done finds its place free.
  state.apps.release(*app_, *route_);
  if (AppMetrics* metrics = route_->metrics.get()) {
    metrics->in_flight(-1);
    metrics->bytes(received, sent);
    metrics->request_done(outcome, status, duration, std::min(cpu, most));
  }
  route_.reset();
}

App& Apps::get(const AppKey& key) {
  auto& slot = apps_[key];
  if (slot == nullptr) {
    slot = std::make_unique<App>();
    slot->key = key;
  }
  return *slot;
}

Ticket Apps::ticket(App& app, std::shared_ptr<const AppRoute> route, TimePoint start) {
  Ticket ticket;
  ticket.state_ = &state_;
  ticket.app_ = &app;
  ticket.start_ = start;
  if (route->metrics) route->metrics->in_flight(1);
  route->load->last_request_ms.store(
      std::chrono::duration_cast<std::chrono::milliseconds>(state_.now.time_since_epoch()).count(),
      std::memory_order_relaxed);
  ticket.route_ = std::move(route);
  return ticket;
}

Apps::Admission Apps::admit(App& app, const AppRoute& route, Waiter& waiter) {
  AppLoad& load = *route.load;
  const std::uint64_t most = route.limits.raw(Limit::Concurrency);
  if (app.for_place.empty() && take_place(load, most)) return Admission::Granted;
  std::uint32_t queued = load.queued.load();
  do {
    if (queued >= route.limits.raw(Limit::Queue)) return Admission::Full;
  } while (!load.queued.compare_exchange_weak(queued, queued + 1));
  app.for_place.push_back(&waiter);
  queued_[&app] = {route.load, most};
  // A place given back on another thread between the two looks would go unnoticed.
  grant_waiting(app);
  return Admission::Queued;
}

void Apps::leave(App& app, const AppRoute& route, Waiter& waiter) noexcept {
  const auto found = std::find(app.for_place.begin(), app.for_place.end(), &waiter);
  if (found == app.for_place.end()) return;
  app.for_place.erase(found);
  route.load->queued.fetch_sub(1);
  if (app.for_place.empty()) queued_.erase(&app);
}

void Apps::grant_waiting(App& app) {
  const auto found = queued_.find(&app);
  if (found == queued_.end()) return;
  const Queued queue = found->second;
  while (!app.for_place.empty() && take_place(*queue.load, queue.most)) {
    Waiter* next = app.for_place.front();
    app.for_place.pop_front();
    queue.load->queued.fetch_sub(1);
    next->granted = true;
    next->wake();
  }
  if (app.for_place.empty()) queued_.erase(&app);
}

void Apps::release(App& app, const AppRoute& route) {
  route.load->running.fetch_sub(1);
  if (route.load->queued.load() == 0) return;
  if (app.for_place.empty()) {
    state_.nudge_others(app.key);
  } else {
    grant_waiting(app);
  }
}

void Apps::nudged(const AppKey& key) {
  const auto found = apps_.find(key);
  if (found != apps_.end()) grant_waiting(*found->second);
}

void Apps::wait_for_worker(App& app, Waiter& waiter) {
  app.for_worker.push_back(&waiter);
  if (std::exchange(app.asked, true)) return;
  state_.events.need_worker(app.key);
}

void Apps::leave_worker_queue(App& app, Waiter& waiter) noexcept {
  std::erase(app.for_worker, &waiter);
}

void Apps::attach(App& app, WorkerLink& link) {
  app.link = &link;
  app.asked = false;
  for (Waiter* waiter : app.for_worker) waiter->wake();
}

void Apps::detach(App& app, const WorkerLink& link) {
  if (app.link != &link) return;
  app.link = nullptr;
  app.asked = false;
}

void Apps::fail_waiting(const AppKey& key, std::string_view code) {
  const auto found = apps_.find(key);
  if (found == apps_.end()) return;
  found->second->asked = false;
  for (Waiter* waiter : found->second->for_worker) {
    waiter->failure = code;
    waiter->wake();
  }
}

void Apps::fail_all(std::string_view code) {
  for (auto& [key, app] : apps_) {
    fail_waiting(key, code);
    for (Waiter* waiter : app->for_place) {
      waiter->failure = code;
      waiter->wake();
    }
  }
}

}  // namespace perilune::host
