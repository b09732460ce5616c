#pragma once

/// @file
/// A stackful fiber of one connection, and the guarded stacks that such fibers run on.
///
/// The gateway's loop resumes fibers itself: a suspension is one context switch, without the
/// executor, handler and allocation that an Asio operation takes.

#include <boost/context/fiber.hpp>
#include <boost/context/stack_context.hpp>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace perilune::host {

/// Stacks with a guard page, kept for the next fiber. Not thread-safe; outlives its fibers.
class StackPool {
 public:
  StackPool() = default;
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;
  ~StackPool();

  /// Throws std::bad_alloc.
  [[nodiscard]] boost::context::stack_context take();
  void give_back(boost::context::stack_context stack) noexcept;

 private:
  std::vector<boost::context::stack_context> spare_;
};

/// Runs one body to its end. It must have ended when the object goes: a suspended fiber is never
/// destroyed.
class Fiber {
 public:
  /// `body` must not throw.
  Fiber(StackPool& pool, std::function<void()> body);

  /// From the loop: runs the body until it suspends or ends.
  void resume() { self_ = std::move(self_).resume(); }
  /// From the body: back to whoever resumed.
  void suspend() { caller_ = std::move(caller_).resume(); }
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  boost::context::fiber self_;
  boost::context::fiber caller_;
  bool ended_ = false;
};

}  // namespace perilune::host
