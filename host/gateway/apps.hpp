#pragma once

/// @file
/// Who may run now? Each app's places, the queue for them, and the instance that takes requests,
/// as one gateway thread sees them.

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/routing/routes.hpp"
#include "runtime/outcome.hpp"

namespace perilune::host {

struct ThreadState;
class WorkerLink;

/// A request that waits for a place or a worker. Lives in its connection's fiber.
class Waiter {
 public:
  virtual void wake() = 0;
  bool granted = false;  ///< a place was handed over
  std::string failure;   ///< an error code: do not wait any more

 protected:
  ~Waiter() = default;
};

/// One app on this thread.
struct App {
  AppKey key;
  WorkerLink* link = nullptr;  ///< takes new requests; nullptr: none is attached
  bool asked = false;          ///< `need_worker` was called since there was none
  std::deque<Waiter*> for_place;
  std::vector<Waiter*> for_worker;
};

/// A request that was let in: holds one of its app's places until `finish`, and keeps its account.
class Ticket {
 public:
  Ticket() = default;
  Ticket(Ticket&& other) noexcept;
  Ticket& operator=(Ticket&& other) noexcept;
  /// Finishes as canceled if nobody did.
  ~Ticket();

  [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
  /// Gives the place back and counts the request. `cpu` is what the worker claims.
  void finish(Outcome outcome, std::chrono::microseconds cpu = {});

  unsigned status = 0;         ///< what the client got; 0: nothing
  std::uint64_t received = 0;  ///< bytes of head and body
  std::uint64_t sent = 0;      ///< body bytes of the response

  [[nodiscard]] const AppRoute& route() const noexcept { return *route_; }
  [[nodiscard]] App& app() const noexcept { return *app_; }

 private:
  friend class Apps;
  ThreadState* state_ = nullptr;
  App* app_ = nullptr;
  std::shared_ptr<const AppRoute> route_;
  std::chrono::steady_clock::time_point start_;
};

class Apps {
 public:
  enum class Admission : std::uint8_t { Granted, Queued, Full };

  explicit Apps(ThreadState& state) noexcept : state_{state} {}

  /// Stays valid for the thread's life.
  [[nodiscard]] App& get(const AppKey& key);

  /// Takes a place now (Granted) or queues `waiter`, who then is woken with `granted` or `failure`.
  [[nodiscard]] Admission admit(App& app, const AppRoute& route, Waiter& waiter);
  /// A queued waiter gives up. Safe if it is not queued.
  void leave(App& app, const AppRoute& route, Waiter& waiter) noexcept;
  /// The account of a request that came at `start` and whose place was granted.
  [[nodiscard]] Ticket ticket(App& app, std::shared_ptr<const AppRoute> route,
                              std::chrono::steady_clock::time_point start);
  /// Waits for an instance; asks the supervisor for one.
  void wait_for_worker(App& app, Waiter& waiter);
  void leave_worker_queue(App& app, Waiter& waiter) noexcept;

  /// An instance takes requests from now on.
  void attach(App& app, WorkerLink& link);
  /// It does not any more (if it was the one).
  void detach(App& app, const WorkerLink& link);
  /// Whoever waits for a worker of the app is answered with `code`.
  void fail_waiting(const AppKey& key, std::string_view code);
  /// The same for all apps, and for those who wait for a place.
  void fail_all(std::string_view code);
  /// Places of the app became free on another thread.
  void nudged(const AppKey& key);

 private:
  friend class Ticket;
  void release(App& app, const AppRoute& route);
  void grant_waiting(App& app);

  struct Queued {
    std::shared_ptr<AppLoad> load;
    std::uint64_t most = 0;
  };
  ThreadState& state_;
  std::map<AppKey, std::unique_ptr<App>> apps_;
  std::map<App*, Queued> queued_;  ///< apps with someone in `for_place`
};

}  // namespace perilune::host
