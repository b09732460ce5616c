#include "sandbox/enter.hpp"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "sandbox/capabilities.hpp"
#include "sandbox/rlimits.hpp"
#include "sandbox/text_file.hpp"

namespace perilune::sandbox {
namespace {

constexpr int kControl = 3;
constexpr int kOutOfTheWay = 64;  // above every number that a worker starts with

int default_signals() {
  for (int signal = 1; signal < SIGRTMIN; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) (void)::signal(signal, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  return ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Before the host, when memory is short.
int be_the_first_to_go() {
  // /proc/self belongs to root for who may not be dumped; exec resets this anyway.
  if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return -1;
  const int rc = write_text("/proc/self/oom_score_adj", "900");
  return ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ? -1 : rc;
}

int join(const UniqueFd& procs) { return !procs || ::write(procs.get(), "0", 1) == 1 ? 0 : -1; }

void enter_namespaces(const Entry& entry, Steps& steps) {
  if (entry.plan.cgroup_namespace) {
    steps.take(Step::CgroupNamespace, [] { return ::unshare(CLONE_NEWCGROUP); });
  }
  if (entry.shared.net) {
    steps.take(Step::NetNamespace, [&] { return ::setns(entry.shared.net.get(), CLONE_NEWNET); });
  }
  if (entry.shared.uts) {
    steps.take(Step::UtsNamespace, [&] { return ::setns(entry.shared.uts.get(), CLONE_NEWUTS); });
  }
  if (entry.shared.mount) {
    steps.take(Step::MountNamespace,
               [&] { return ::setns(entry.shared.mount.get(), CLONE_NEWNS); });
  }
  if (entry.plan.root == RootKind::None) return;
  steps.take(Step::Root, [&] {
    return entry.plan.root == RootKind::Chroot ? enter_root(entry.void_directory) : ::chdir("/");
  });
}

/// Puts descriptors where the worker expects them and closes every other one.
/// @returns the program's new number, or -1.
int arrange(const Entry& entry) {
  std::vector<int> sources{entry.null_device, entry.null_device, entry.null_device, entry.control};
  sources.insert(sources.end(), entry.links.begin(), entry.links.end());
  sources.push_back(entry.program);
  for (int& fd : sources) {
    fd = ::fcntl(fd, F_DUPFD_CLOEXEC, kOutOfTheWay);
    if (fd < 0) return -1;
  }
  const int last = static_cast<int>(sources.size()) - 1;
  for (int target = 0; target < last; ++target) {
    if (::dup2(sources[static_cast<std::size_t>(target)], target) < 0) return -1;
  }
  if (::dup3(sources.back(), last, O_CLOEXEC) < 0) return -1;
  if (::syscall(SYS_close_range, last + 1, ~0U, 0) != 0) return -1;
  return last;
}

int become_worker_user(const Entry& entry) { return entry.plan.own_uid ? become(entry.uid) : 0; }

void give_up_privileges(const Entry& entry, Steps& steps) {
  steps.take(Step::Rlimits, [&] { return apply(limits_for(entry.worker)); });
  steps.take(Step::BoundingSet, drop_bounding_set);
  steps.take(Step::Uid, [&] { return become_worker_user(entry); });
  steps.take(Step::Capabilities, drop_all_capabilities);
  // The filter denies keyctl altogether; where it is filtered already, or the user has no room for
  // a keyring more, the worker keeps the launcher's, which is empty.
  const auto join_keyring = [] {
    return ::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr, 0, 0, 0);
  };
  steps.take(Step::Keyring, join_keyring, {EPERM, EACCES, ENOSYS, EDQUOT});
  steps.take(Step::Session, ::setsid);
  steps.take(Step::NoNewPrivileges, [] { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); });
}

int execute(int program) {
  std::array<char, 7> name{"worker"};
  std::array<char*, 2> arguments{name.data(), nullptr};
  std::array<char*, 1> environment{nullptr};
  return static_cast<int>(
      ::syscall(SYS_execveat, program, "", arguments.data(), environment.data(), AT_EMPTY_PATH));
}

}  // namespace

void enter(const Entry& entry) {
  Steps steps{entry.control, entry.inject};
  steps.take(Step::ParentDeath, [] { return ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); });
  steps.take(Step::Signals, default_signals);
  steps.take(Step::OomScore, be_the_first_to_go);
  steps.take(Step::CgroupJoin, [&] {
    return join(entry.group.memory_procs) != 0 ? -1 : join(entry.group.pids_procs);
  });
  enter_namespaces(entry, steps);
  int program = -1;
  steps.take(Step::Descriptors, [&] { return program = arrange(entry); });
  steps.report_to(kControl);
  give_up_privileges(entry, steps);
  steps.take(Step::Exec, [&] { return execute(program); });
  fail(kControl, Step::Exec, 0);
}

}  // namespace perilune::sandbox
