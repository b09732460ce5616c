#pragma once

/// @file
/// The C stacks that VMs run on: lent to a VM while it runs, kept by it only while it is preempted.
///
/// An idle VM has no frames, so it needs no stack: what a thread's VMs share costs 16 MiB of
/// address space and a few pages once, not per VM.

#include <boost/context/fiber.hpp>
#include <cstddef>

namespace perilune::runtime {

/// One guarded stack and the loop at its bottom. Used by one thread.
class Carrier {
 public:
  static constexpr std::size_t kStack = 16 * 1024 * 1024;

  /// What runs on it. `serve` is called on the stack once per `enter` that finds the loop at its
  /// bottom.
  class Work {
   public:
    virtual void serve() = 0;

   protected:
    ~Work() = default;
  };

  /// A free one of this thread's, or a new one; nullptr when there is no address space.
  [[nodiscard]] static Carrier* take() noexcept;
  /// Gives it back: nothing is left on it, `enter` has returned from the bottom of the loop.
  static void give(Carrier* carrier) noexcept;
  /// Unmaps it without unwinding what is on it.
  static void abandon(Carrier* carrier) noexcept;

  /// Goes on with what was left on it, or calls `work.serve()`. Returns when the stack is left.
  void enter(Work& work);
  /// On the stack: back to whoever entered; returns when it is entered again.
  void leave();

  ~Carrier();
  Carrier(const Carrier&) = delete;
  Carrier& operator=(const Carrier&) = delete;

 private:
  Carrier();

  Work* work_ = nullptr;
  boost::context::stack_context stack_{};
  boost::context::fiber caller_;
  /// Not a member object: the stack is never unwound.
  union {
    boost::context::fiber context_;
  };
};

}  // namespace perilune::runtime
