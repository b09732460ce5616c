#include "sandbox/namespaces.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sandbox/attempt.hpp"

namespace perilune::sandbox {
namespace {

constexpr std::string_view kHostName = "sandbox";

int write_file(const char* path, const std::string& text) {
  const UniqueFd file{::open(path, O_WRONLY | O_CLOEXEC)};
  if (!file) return -1;
  const ssize_t written = ::write(file.get(), text.data(), text.size());
  return written == static_cast<ssize_t>(text.size()) ? 0 : -1;
}

UniqueFd open_namespace(int pid, const char* kind) {
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/" + kind;
  return UniqueFd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
}

void fill(const SharedParts& parts, const Trial& trial) {
  // The descriptors of the namespaces are opened through /proc, which is closed to others while
  // this process may not be dumped.
  trial.need(::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), "PR_SET_DUMPABLE");
  const int wanted = (parts.net ? CLONE_NEWNET : 0) | (parts.uts ? CLONE_NEWUTS : 0) |
                     (parts.mount ? CLONE_NEWNS : 0);
  trial.need(::unshare(wanted), "unshare");
  if (parts.uts) trial.need(::sethostname(kHostName.data(), kHostName.size()), "sethostname");
  if (parts.mount && (parts.root == RootKind::Pivot || parts.root == RootKind::MoveMount)) {
    trial.need(replace_root(parts.root), "empty root");
  }
}

}  // namespace

int enter_user_namespace() noexcept {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  // /proc/self is owned by root for who may not be dumped.
  if (::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) != 0) return -1;
  if (::unshare(CLONE_NEWUSER) != 0) return -1;
  if (write_file("/proc/self/setgroups", "deny") != 0 && errno != ENOENT) return -1;
  if (write_file("/proc/self/uid_map", "65534 " + std::to_string(uid) + " 1") != 0) return -1;
  return write_file("/proc/self/gid_map", "65534 " + std::to_string(gid) + " 1");
}

Result<SharedNamespaces> make_shared_namespaces(const SharedParts& parts) {
  SharedNamespaces made;
  if (!parts.net && !parts.uts && !parts.mount) return made;
  int error = 0;
  const auto keep = [&](UniqueFd& slot, bool wanted, int pid, const char* kind) {
    if (!wanted) return;
    slot = open_namespace(pid, kind);
    if (!slot) error = errno;
  };
  const Attempt tried = attempt([&](const Trial& trial) { fill(parts, trial); },
                                [&](int pid) {
                                  keep(made.net, parts.net, pid, "net");
                                  keep(made.uts, parts.uts, pid, "uts");
                                  keep(made.mount, parts.mount, pid, "mnt");
                                });
  if (!tried.ok()) return system_failure("shared namespaces: " + tried.what, tried.error);
  if (error != 0) return system_failure("opening a shared namespace", error);
  return made;
}

}  // namespace perilune::sandbox
