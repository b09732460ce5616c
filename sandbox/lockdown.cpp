#include "sandbox/lockdown.hpp"

#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "sandbox/filter.hpp"
#include "sandbox/landlock.hpp"
#include "sandbox/rlimits.hpp"
#include "sandbox/step.hpp"

// Debian 12's headers know these, older ones do not.
#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

namespace perilune::sandbox {
namespace {

constexpr int kControl = 3;

/// Receives one datagram of at most `size` bytes; longer ones and descriptors are refused.
ssize_t receive_whole(void* into, std::size_t size) {
  iovec piece{into, size};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  ssize_t got = -1;
  do {
    got = ::recvmsg(kControl, &message, 0);
  } while (got < 0 && errno == EINTR);
  if (got >= 0 && (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    errno = EMSGSIZE;
    return -1;
  }
  return got;
}

int receive_boot(Boot& boot) {
  const ssize_t got = receive_whole(&boot, sizeof boot);
  if (got < 0) return -1;
  const bool good = got == static_cast<ssize_t>(sizeof boot) && boot.magic == kBootMagic &&
                    boot.links >= 1 && boot.threads >= 1 && boot.jit <= 1 && boot.throw_away <= 1;
  if (!good) errno = EPROTO;
  return good ? 0 : -1;
}

Steps steps_of(const Boot& boot) { return Steps{kControl, static_cast<Step>(boot.fail_step)}; }

int disable_speculation() {
  if (::prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, PR_SPEC_FORCE_DISABLE, 0, 0) != 0) {
    return -1;
  }
  return ::prctl(PR_SET_SPECULATION_CTRL, PR_SPEC_INDIRECT_BRANCH, PR_SPEC_FORCE_DISABLE, 0, 0);
}

int receive_and_install_filter() {
  static std::array<sock_filter, kMaxFilter> program;
  const ssize_t got = receive_whole(program.data(), sizeof program);
  if (got < 0) return -1;
  const auto size = static_cast<std::size_t>(got);
  if (size == 0 || size % sizeof(sock_filter) != 0) {
    errno = EPROTO;
    return -1;
  }
  return install(std::span{program}.first(size / sizeof(sock_filter)));
}

}  // namespace

Boot read_boot() {
  Boot boot;
  if (receive_boot(boot) != 0) fail(kControl, Step::Boot, errno);
  Steps steps = steps_of(boot);
  steps.take(Step::Boot, [] { return ::mallopt(M_ARENA_MAX, 1) == 1 ? 0 : -1; });
  if (boot.landlock_abi > 0) {
    steps.take(Step::Landlock, [&] { return landlock_deny_everything(boot.landlock_abi); });
  }
  return boot;
}

void lockdown(const Boot& boot) {
  Steps steps = steps_of(boot);
  Report report;
  report.magic = kReportMagic;
  report.landlock = static_cast<std::uint8_t>(boot.landlock_abi);
  // The change of uid cleared the first one.
  steps.take(Step::ParentDeathAgain, [] { return ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); });
  // exec made the process dumpable again.
  steps.take(Step::Dumpable, [] { return ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); });
  if (boot.jit == 0) {
    const auto refuse = [] { return ::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0); };
    report.mdwe = steps.take(Step::Mdwe, refuse, {EINVAL}) ? 1 : 0;  // EINVAL: before Linux 6.3
  }
  steps.take(Step::Speculation, disable_speculation, {EINVAL, ENODEV, ENXIO, EPERM, ERANGE});
  steps.take(Step::HugePages, [] { return ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); }, {EINVAL});
  steps.take(Step::Tasks, [] { return apply(std::span{&kNoMoreTasks, 1}); });
  steps.take(Step::Seccomp, receive_and_install_filter);
  // From here on sendmsg is what is left; send(2) would be fatal.
  iovec piece{&report, sizeof report};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (::sendmsg(kControl, &message, MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof report)) {
    ::_exit(kFailedStart);
  }
}

}  // namespace perilune::sandbox
