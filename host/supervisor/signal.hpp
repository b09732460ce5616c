#pragma once

/// @file
/// How fibers of one event loop wait for something to change: a condition variable without a lock.

#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>

namespace perilune::host {

/// Loop: `while (!predicate) if (!signal.wait_until(when, yield)) break;`. One event loop, one
/// thread. Must outlive who waits.
class Signal {
 public:
  using Clock = std::chrono::steady_clock;

  /// Suspends until the next `notify` (true) or `when` (false).
  bool wait_until(Clock::time_point when, boost::asio::yield_context yield) {
    boost::asio::steady_timer timer{yield.get_executor(), when};
    const auto place = waiting_.insert(waiting_.end(), &timer);
    boost::system::error_code error;
    timer.async_wait(yield[error]);
    waiting_.erase(place);
    return error == boost::asio::error::operation_aborted;
  }
  /// Wakes all that wait now.
  void notify() {
    for (boost::asio::steady_timer* timer : waiting_) timer->cancel();
  }

 private:
  std::list<boost::asio::steady_timer*> waiting_;
};

}  // namespace perilune::host
