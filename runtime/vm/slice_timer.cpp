#include "runtime/vm/slice_timer.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

#include "runtime/vm/preemption.hpp"

namespace perilune::runtime {
namespace {

#if defined(__SANITIZE_THREAD__)
__attribute__((no_sanitize("thread")))
#endif
void on_signal(int) {
  const int saved = errno;
  if (Preemption* vm = running()) vm->on_tick();
  errno = saved;
}

bool install_handler() noexcept {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (::sigaction(SIGPROF, &action, nullptr) != 0) return false;
#if defined(__SANITIZE_THREAD__)
  // ThreadSanitizer keeps asynchronous signals back until the next call that it intercepts, which
  // a Lua loop never makes. So the kernel gets our handler without its wrapper.
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
  } kernel{};
  ::syscall(SYS_rt_sigaction, SIGPROF, nullptr, &kernel, sizeof kernel.mask);
  kernel.handler = on_signal;
  kernel.flags &= ~static_cast<unsigned long>(SA_SIGINFO);
  ::syscall(SYS_rt_sigaction, SIGPROF, &kernel, nullptr, sizeof kernel.mask);
#endif
  return true;
}

timespec to_timespec(std::chrono::nanoseconds span) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(span);
  return {seconds.count(), (span - seconds).count()};
}

}  // namespace

Result<SliceTimer> SliceTimer::create(std::chrono::nanoseconds slice) {
  if (!install_handler()) return system_failure("sigaction SIGPROF", errno);
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGPROF;
  event._sigev_un._tid = static_cast<pid_t>(::syscall(SYS_gettid));
  timer_t timer{};
  if (::timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) {
    return system_failure("timer_create CLOCK_THREAD_CPUTIME_ID", errno);
  }
  return SliceTimer{timer, slice};
}

SliceTimer::SliceTimer(SliceTimer&& other) noexcept
    : timer_{other.timer_},
      slice_{other.slice_},
      owner_{std::exchange(other.owner_, false)},
      armed_{std::exchange(other.armed_, false)} {}

SliceTimer::~SliceTimer() {
  if (owner_) ::timer_delete(timer_);
}

void SliceTimer::set_slice(std::chrono::nanoseconds slice) noexcept {
  if (slice == slice_) return;
  slice_ = slice;
  if (std::exchange(armed_, false)) arm();
}

void SliceTimer::arm() noexcept {
  if (armed_) return;
  const itimerspec every{to_timespec(slice_), to_timespec(slice_)};
  armed_ = ::timer_settime(timer_, 0, &every, nullptr) == 0;
}

void SliceTimer::disarm() noexcept {
  if (!armed_) return;
  const itimerspec never{};
  ::timer_settime(timer_, 0, &never, nullptr);
  armed_ = false;
}

std::chrono::nanoseconds thread_cpu() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

}  // namespace perilune::runtime
