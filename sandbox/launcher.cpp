#include "sandbox/launcher.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "sandbox/launcher_loop.hpp"
#include "sandbox/workshop.hpp"

namespace perilune::sandbox {
namespace {

constexpr char kGoOn = 'G';

/// The host waits until the launcher knows that it can do its work.
Result<LauncherClient> be_host(UniqueFd channel, pid_t launcher) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != launcher) ::_exit(1);
  char verdict = 0;
  ssize_t got = -1;
  do {
    got = ::recv(channel.get(), &verdict, 1, 0);
  } while (got < 0 && errno == EINTR);
  if (got != 1 || verdict != kGoOn) ::_exit(1);
  return LauncherClient{std::move(channel)};
}

/// What the launcher must not have or leave behind.
void become_launcher() {
  ::prctl(PR_SET_NAME, "perilune-launch", 0, 0, 0);
  ::umask(022);  // the host may read the usage files of the groups made here
  const rlimit none{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &none);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &files);
  }
}

Failure no_launcher(const Failure& why) {
  return {"sandbox_unavailable", "cannot isolate workers: " + why.detail};
}

Result<std::unique_ptr<Workshop>> open_workshop(const LauncherConfig& config, pid_t host) {
  auto workshop = Workshop::prepare(config, host);
  if (!workshop) return no_launcher(workshop.error());
  if (auto rehearsed = (*workshop)->rehearse(); !rehearsed) {
    (*workshop)->close();
    return no_launcher(rehearsed.error());
  }
  return workshop;
}

}  // namespace

Result<LauncherClient> fork_host(const LauncherConfig& config) {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return no_launcher(system_failure("socketpair", errno));
  }
  UniqueFd ours{fds[0]};
  UniqueFd theirs{fds[1]};
  const pid_t self = ::getpid();
  const pid_t host = ::fork();
  if (host < 0) return no_launcher(system_failure("fork", errno));
  if (host == 0) {
    ours.reset();
    return be_host(std::move(theirs), self);
  }
  theirs.reset();
  become_launcher();
  auto workshop = open_workshop(config, host);
  if (!workshop) {
    ours.reset();  // the host sees it and goes
    while (::waitpid(host, nullptr, 0) < 0 && errno == EINTR) {
    }
    return workshop.error();
  }
  // The environment may hold secrets of the host; nothing here reads it from now on.
#ifndef PERILUNE_FAULT_INJECTION
  ::clearenv();
#endif
  // Signals are taken over before the host does anything that one could interrupt.
  const int channel = ours.get();
  LauncherLoop loop{**workshop, std::move(ours), host};
  (void)::send(channel, &kGoOn, 1, MSG_NOSIGNAL);
  ::_exit(loop.run());
}

}  // namespace perilune::sandbox
