#include "runtime/vm/guarded_stack.hpp"

#include <sys/mman.h>

#include <new>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace perilune::runtime {
namespace {

constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

/// At the top of each stack: whether the pages below it are ours.
struct alignas(64) Top {
  bool guarded;
};

}  // namespace

boost::context::stack_context GuardedStack::allocate() {
  const std::size_t all = bytes_ + kGuard;
  void* base = ::mmap(nullptr, all, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (base == MAP_FAILED) throw std::bad_alloc{};
  // The lowest pages are unmapped, then taken by a mapping without access, so that nothing else
  // moves in. The address is a hint only; if the kernel does not follow it, the hole is the guard.
  ::munmap(base, kGuard);
  void* guard = ::mmap(base, kGuard, PROT_NONE, kFlags, -1, 0);
  if (guard != MAP_FAILED && guard != base) ::munmap(guard, kGuard);
  boost::context::stack_context stack;
  stack.size = bytes_ - sizeof(Top);
  stack.sp = static_cast<std::byte*>(base) + all - sizeof(Top);
  ::new (stack.sp) Top{guard == base};
  return stack;
}

void GuardedStack::deallocate(boost::context::stack_context& stack) noexcept {
  std::byte* lowest = static_cast<std::byte*>(stack.sp) - stack.size;
  const bool guarded = static_cast<const Top*>(stack.sp)->guarded;
#if defined(__SANITIZE_ADDRESS__)
  // A stack that was not unwound leaves its red zones in the shadow of whatever is mapped there
  // next.
  __asan_unpoison_memory_region(lowest, bytes_);
#endif
  ::munmap(guarded ? lowest - kGuard : lowest, bytes_ + (guarded ? kGuard : 0));
}

}  // namespace perilune::runtime
