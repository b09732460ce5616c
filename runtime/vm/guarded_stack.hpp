#pragma once

/// @file
/// The C stack of a VM: virtual, committed as it is used, with a guard below.

#include <boost/context/stack_context.hpp>
#include <cstddef>

namespace perilune::runtime {

/// A stack allocator for Boost.Context that needs mmap and munmap only, so that it works behind a
/// filter without mprotect.
class GuardedStack {
 public:
  static constexpr std::size_t kGuard = 64 * 1024;

  explicit GuardedStack(std::size_t bytes) noexcept : bytes_{bytes} {}
  /// Throws std::bad_alloc when there is no address space.
  boost::context::stack_context allocate();
  void deallocate(boost::context::stack_context& stack) noexcept;

 private:
  std::size_t bytes_;
};

}  // namespace perilune::runtime
