#include "sandbox/rlimits.hpp"

#include <algorithm>

namespace perilune::sandbox {
namespace {

constexpr rlim_t kMiB = 1U << 20U;
constexpr rlim_t kThreadStack = 16 * kMiB;
constexpr rlim_t kDay = 24 * 60 * 60;

}  // namespace

rlim_t address_space(const WorkerClass& worker_class) noexcept {
  return 3 * worker_class.memory.count + 128 * kMiB + worker_class.threads * (kThreadStack + kMiB);
}

std::vector<ResourceLimit> limits_for(const WorkerClass& worker_class) {
  const rlim_t space = address_space(worker_class);
  const rlim_t cpu = worker_class.throw_away ? 120 : 30 * kDay * worker_class.threads;
  return {
      {RLIMIT_AS, space, "Max address space", "arenas and stacks, reserved but not committed"},
      {RLIMIT_DATA, space, "Max data size", "the same pages, counted when private and writable"},
      {RLIMIT_STACK, kThreadStack, "Max stack size", "no endless recursion on the first stack"},
      {RLIMIT_CPU, cpu, "Max cpu time", "distant backstop behind timers and watchdog"},
      {RLIMIT_CORE, 0, "Max core file size", "a tenant's memory is not written to disk"},
      {RLIMIT_FSIZE, 0, "Max file size", "there is no file to write"},
      {RLIMIT_NOFILE, 64, "Max open files", "links, event loop, passed connections"},
      {RLIMIT_MEMLOCK, 0, "Max locked memory", "memory stays reclaimable"},
      {RLIMIT_MSGQUEUE, 0, "Max msgqueue size", "no kernel memory through message queues"},
      {RLIMIT_SIGPENDING, 8U + worker_class.threads, "Max pending signals", "one timer a thread"},
      {RLIMIT_NICE, 0, "Max nice priority", "no climbing back"},
      {RLIMIT_RTPRIO, 0, "Max realtime priority", "no real-time scheduling"},
  };
}

int apply(std::span<const ResourceLimit> limits) noexcept {
  for (const ResourceLimit& limit : limits) {
    rlimit now{};
    if (::getrlimit(limit.resource, &now) != 0) return -1;
    const rlim_t value = std::min(limit.value, now.rlim_max);
    const rlimit wanted{value, value};
    if (::setrlimit(limit.resource, &wanted) != 0) return -1;
  }
  return 0;
}

}  // namespace perilune::sandbox
