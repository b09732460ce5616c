#include "host/gateway/fiber.hpp"

#include <sys/mman.h>

#include <new>

namespace perilune::host {
namespace {

constexpr std::size_t kPage = 4096;
// Committed by the page as it is used: an idle connection holds two.
#ifdef PERILUNE_SANITIZED
constexpr std::size_t kStackSize = 512 * 1024;
#else
constexpr std::size_t kStackSize = 64 * 1024;
#endif
constexpr std::size_t kMostSpare = 256;

void unmap(boost::context::stack_context stack) noexcept {
  ::munmap(static_cast<char*>(stack.sp) - stack.size, stack.size);
}

/// boost::context's stack allocator concept.
struct PooledStack {
  StackPool* pool;
  boost::context::stack_context allocate() { return pool->take(); }
  void deallocate(boost::context::stack_context& stack) noexcept { pool->give_back(stack); }
};

}  // namespace

StackPool::~StackPool() {
  for (const auto& stack : spare_) unmap(stack);
}

boost::context::stack_context StackPool::take() {
  if (!spare_.empty()) {
    const auto stack = spare_.back();
    spare_.pop_back();
    return stack;
  }
  const std::size_t size = kStackSize + kPage;
  void* base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (base == MAP_FAILED) throw std::bad_alloc{};
  if (::mprotect(base, kPage, PROT_NONE) != 0) {
    ::munmap(base, size);
    throw std::bad_alloc{};
  }
  boost::context::stack_context stack;
  stack.sp = static_cast<char*>(base) + size;
  stack.size = size;
  return stack;
}

void StackPool::give_back(boost::context::stack_context stack) noexcept {
  if (spare_.size() >= kMostSpare) {
    unmap(stack);
    return;
  }
  try {
    spare_.push_back(stack);
  } catch (const std::bad_alloc&) {
    unmap(stack);
  }
}

Fiber::Fiber(StackPool& pool, std::function<void()> body)
    : self_{std::allocator_arg, PooledStack{&pool},
            [this, body = std::move(body)](boost::context::fiber&& caller) {
              caller_ = std::move(caller);
              body();
              ended_ = true;
              return std::move(caller_);
            }} {}

}  // namespace perilune::host
