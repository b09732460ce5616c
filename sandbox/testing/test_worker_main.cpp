// A worker without a runtime: locks itself down and then does what the test at the other end of
// descriptor 3 says, so that tests try things in a process that is confined for real.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "sandbox/lockdown.hpp"
#include "sandbox/testing/order.hpp"

namespace {

using perilune::sandbox::testing::Order;

std::atomic<int> thread_order{0};

std::atomic<int> threads_up{0};

void idle_thread() {
  ++threads_up;
  thread_order.wait(0);
  (void)::syscall(SYS_getppid);
  thread_order.wait(1);
}

long call(const Order& order) {
  const auto& a = order.arguments;
  const long rc = ::syscall(order.number, a[0], a[1], a[2], a[3], a[4], a[5]);
  return rc < 0 ? -errno : rc;
}

long call_32_bit(const Order& order) {
  long result = order.number;
  asm volatile("int $0x80" : "+a"(result) : "b"(0), "c"(0), "d"(0) : "memory");
  return result;
}

/// Machine code on a page that was written first. @returns an errno, or 0 if it ran.
long run_written_page() {
  void* const page =
      ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return -errno;
  std::memset(page, 0xc3, 1);  // ret
  if (::mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0) return -errno;
  void (*code)() = nullptr;
  std::memcpy(&code, &page, sizeof code);
  code();
  return 0;
}

long touch(std::uint64_t bytes) {
  auto* const pages = static_cast<char*>(
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (pages == MAP_FAILED) return -errno;
  for (std::uint64_t at = 0; at < bytes; at += 4096) pages[at] = 1;
  return 0;
}

long obey(const Order& order) {
  switch (order.what) {
    case Order::Ping: return 1;
    case Order::Call: return call(order);
    case Order::Call32: return call_32_bit(order);
    case Order::Execute: return run_written_page();
    case Order::Touch: return touch(order.arguments[0]);
    case Order::Exit: ::_exit(static_cast<int>(order.number));
    case Order::Segfault: {
      volatile char* volatile nowhere = nullptr;
      *nowhere = 1;
      return 0;
    }
    case Order::Thread:
      thread_order = 1;
      thread_order.notify_all();
      [[fallthrough]];
    case Order::Spin:
      for (;;) asm volatile("");
  }
  return -EINVAL;
}

}  // namespace

int main() {
  const perilune::sandbox::Boot boot = perilune::sandbox::read_boot();
  std::vector<std::thread> threads;
  for (int i = 1; i < boot.threads; ++i) threads.emplace_back(idle_thread);
  // A thread's first calls, before its function, are not in the policy.
  while (threads_up < boot.threads - 1) std::this_thread::yield();
  if (::epoll_create1(EPOLL_CLOEXEC) < 0) return 1;  // as a real worker has one
  perilune::sandbox::lockdown(boot);
  Order order;
  while (::read(3, &order, sizeof order) == static_cast<ssize_t>(sizeof order)) {
    const long result = obey(order);
    if (::write(3, &result, sizeof result) != static_cast<ssize_t>(sizeof result)) break;
  }
  ::_exit(0);
}
