#include "sandbox/policy.hpp"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <ctime>

namespace perilune::sandbox {
namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{0};

template <typename... Number>
constexpr std::uint64_t bits(Number... numbers) {
  return (static_cast<std::uint64_t>(numbers) | ... | 0);
}

constexpr ArgumentIs is(std::uint8_t index, std::uint64_t value) { return {index, kAll, value}; }
/// No bit outside of `allowed` is set.
constexpr ArgumentIs only(std::uint8_t index, std::uint64_t allowed) {
  return {index, ~allowed, 0};
}
/// An int argument is -1: the upper half of the register is not the kernel's business.
constexpr ArgumentIs minus_one(std::uint8_t index) { return {index, 0xffffffff, 0xffffffff}; }

constexpr std::uint64_t kReadWrite = bits(PROT_READ, PROT_WRITE);
constexpr std::uint64_t kAnonymous = bits(MAP_PRIVATE, MAP_ANONYMOUS);
constexpr std::uint64_t kFutexFlags = bits(FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME);
constexpr ArgumentIs futex(std::uint64_t operation) { return {1, ~kFutexFlags, operation}; }

#define CALL(call) SYS_##call, #call
constexpr std::array kCommon{
    // Talking to the host, over descriptors that were there before the filter.
    Rule{CALL(read), "event counters and links"},
    Rule{CALL(write), "event counters and links"},
    Rule{CALL(readv), "as read, scattered"},
    Rule{CALL(writev), "as write, gathered"},
    Rule{CALL(recvmsg), "datagrams of the links"},
    Rule{CALL(sendmsg),
         "datagrams of the links; no MSG_FASTOPEN, which would connect",
         {only(2, bits(MSG_DONTWAIT, MSG_NOSIGNAL, MSG_MORE))}},
    Rule{CALL(close), "gives up a link; can only lose"},
    // The event loop.
    Rule{CALL(epoll_wait), "waits for the links"},
    Rule{CALL(epoll_pwait), "what newer C libraries make of epoll_wait"},
    Rule{CALL(epoll_ctl), "arms and disarms write interest"},
    Rule{CALL(restart_syscall), "the kernel's own, after a stop signal"},
    // Memory: private and anonymous, never executable, never at a fixed place.
    Rule{CALL(brk), "malloc"},
    Rule{CALL(munmap), "malloc; a VM's death is the unmapping of its arena"},
    Rule{CALL(mmap),
         "malloc, arenas, C stacks",
         {only(2, kReadWrite), is(3, kAnonymous), minus_one(4)}},
    Rule{CALL(mmap),
         "the same, without reserving swap: arenas are larger than what is used",
         {only(2, kReadWrite), is(3, kAnonymous | bits(MAP_NORESERVE)), minus_one(4)}},
    Rule{CALL(mremap), "realloc of large blocks; not MREMAP_FIXED", {is(3, MREMAP_MAYMOVE)}},
    Rule{CALL(madvise), "malloc and arenas give pages back", {is(2, MADV_DONTNEED)}},
    Rule{CALL(madvise), "the same, lazily", {is(2, MADV_FREE)}},
    // Threads that exist already.
    Rule{CALL(futex), "mutexes, condition variables, one-time initialisation", {futex(FUTEX_WAIT)}},
    Rule{CALL(futex), "the same", {futex(FUTEX_WAKE)}},
    Rule{CALL(futex), "the same, with a deadline", {futex(FUTEX_WAIT_BITSET)}},
    Rule{CALL(futex), "the same", {futex(FUTEX_WAKE_BITSET)}},
    Rule{CALL(sched_yield), "std::atomic::wait and what is built on it spin with it"},
    // Time.
    Rule{CALL(clock_gettime), "timers (else the vDSO's)", {is(0, CLOCK_MONOTONIC)}},
    Rule{CALL(clock_gettime), "wall clock (else the vDSO's)", {is(0, CLOCK_REALTIME)}},
    Rule{CALL(clock_gettime), "CPU budget of an invocation", {is(0, CLOCK_THREAD_CPUTIME_ID)}},
    Rule{
        CALL(clock_gettime), "CPU time in the answer to a ping", {is(0, CLOCK_PROCESS_CPUTIME_ID)}},
    Rule{CALL(clock_gettime), "time across a suspend", {is(0, CLOCK_BOOTTIME)}},
    Rule{CALL(timer_settime), "arms the preemption timer, which exists already"},
    // Signals of the preemption timer.
    Rule{CALL(rt_sigreturn), "returns from the timer's handler"},
    Rule{CALL(rt_sigprocmask), "keeps the handler out of critical sections"},
    Rule{CALL(sigaltstack), "tells where the handler runs"},
    // The rest.
    Rule{CALL(getrandom), "seeds of hash tables and generators"},
    Rule{CALL(exit_group), "the orderly end"},
};

constexpr std::array kJit{
    // W^X by LuaJIT's own discipline only: that is what the class `fast` gives up.
    Rule{CALL(mprotect), "the JIT writes machine code", {is(2, kReadWrite)}},
    Rule{CALL(mprotect), "the JIT lets machine code run", {is(2, bits(PROT_READ, PROT_EXEC))}},
};
#undef CALL

bool holds(const ArgumentIs& test, std::span<const std::uint64_t, 6> arguments) {
  return (arguments[test.index] & test.mask) == test.value;
}

bool lets_pass(const Rule& rule, int number, std::span<const std::uint64_t, 6> arguments) {
  return rule.number == number && std::ranges::all_of(rule.when, [&](const auto& test) {
           return !test || holds(*test, arguments);
         });
}

}  // namespace

std::string_view name(Policy policy) noexcept {
  return policy == Policy::WorkerJit ? "worker-jit" : "worker-nojit";
}

std::span<const Rule> common_rules() noexcept { return kCommon; }
std::span<const Rule> jit_rules() noexcept { return kJit; }

bool allows(Policy policy, int number, std::span<const std::uint64_t, 6> arguments) noexcept {
  const auto passes = [&](const Rule& rule) { return lets_pass(rule, number, arguments); };
  return std::ranges::any_of(kCommon, passes) ||
         (policy == Policy::WorkerJit && std::ranges::any_of(kJit, passes));
}

bool mentions(Policy policy, int number) noexcept {
  const auto same = [&](const Rule& rule) { return rule.number == number; };
  return std::ranges::any_of(kCommon, same) ||
         (policy == Policy::WorkerJit && std::ranges::any_of(kJit, same));
}

}  // namespace perilune::sandbox
