#include "sandbox/probe.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "sandbox/attempt.hpp"
#include "sandbox/capabilities.hpp"
#include "sandbox/cgroup.hpp"
#include "sandbox/filter.hpp"
#include "sandbox/landlock.hpp"
#include "sandbox/namespaces.hpp"
#include "sandbox/rlimits.hpp"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

namespace perilune::sandbox {
namespace {

constexpr const char* kNamespaceAdvice =
    "start as root with CAP_SYS_ADMIN, or allow user namespaces: sysctl user.max_user_namespaces "
    "> 0, kernel.apparmor_restrict_unprivileged_userns = 0; in Kubernetes use a Localhost seccomp "
    "profile that permits unshare, clone, setns, mount, pivot_root";
constexpr const char* kCgroupAdvice =
    "systemd: Delegate=yes in the unit; else name a writable group (cgroup_parent)";

/// Tries layers one after the other; each may rely on what was found before it.
class Prober {
 public:
  explicit Prober(const LauncherConfig& config) : config_{config} {
    plan_.as_root = ::geteuid() == 0;
  }

  Survey run() && {
    own_uid();
    plan_.pid_namespace = unshare_works(Layer::PidNamespace, CLONE_NEWPID, "unshare(CLONE_NEWPID)");
    plan_.mount_namespace =
        unshare_works(Layer::MountNamespace, CLONE_NEWNS, "unshare(CLONE_NEWNS)");
    plan_.net_namespace = unshare_works(Layer::NetNamespace, CLONE_NEWNET, "unshare(CLONE_NEWNET)");
    plan_.ipc_namespace = unshare_works(Layer::IpcNamespace, CLONE_NEWIPC, "unshare(CLONE_NEWIPC)");
    plan_.uts_namespace = unshare_works(Layer::UtsNamespace, CLONE_NEWUTS, "unshare(CLONE_NEWUTS)");
    plan_.cgroup_namespace =
        unshare_works(Layer::CgroupNamespace, CLONE_NEWCGROUP, "unshare(CLONE_NEWCGROUP)");
    empty_root();
    process_layers();
    seccomp();
    const CgroupProblems cgroups = probe_cgroups(config_.cgroup_parent);
    found(Layer::CgroupMemory, cgroups.memory, kCgroupAdvice);
    found(Layer::CgroupPids, cgroups.pids, kCgroupAdvice);
    return {plan_, std::move(findings_)};
  }

 private:
  void found(Layer layer, std::string why, std::string advice) {
    const bool works = why.empty();
    findings_.push_back({layer, works, std::move(why), works ? std::string{} : std::move(advice)});
  }

  static std::string text(const Attempt& tried) {
    return tried.ok() ? std::string{} : system_failure(tried.what, tried.error).detail;
  }

  /// As `attempt`, from where a worker would start: inside the user namespace, if there is one.
  [[nodiscard]] std::string tried(const std::function<void(const Trial&)>& body) const {
    const bool user = plan_.user_namespace;
    return text(attempt([&](const Trial& trial) {
      if (user) trial.need(enter_user_namespace(), "unshare(CLONE_NEWUSER)");
      body(trial);
    }));
  }

  void own_uid() {
    if (plan_.as_root) {
      std::string why =
          tried([&](const Trial& t) { t.need(become(config_.first_worker_uid), "setresuid"); });
      if (config_.first_worker_uid == 0) why = "first_worker_uid is 0: a worker is never root";
      plan_.own_uid = why.empty();
      found(Layer::OwnUid, std::move(why), "grant CAP_SETUID and CAP_SETGID, or start as a user");
      return;
    }
    const std::string why = text(
        attempt([](const Trial& trial) { trial.need(enter_user_namespace(), "user namespace"); }));
    plan_.user_namespace = why.empty();
    found(Layer::OwnUid, why, kNamespaceAdvice);
  }

  bool unshare_works(Layer layer, int flag, const char* call) {
    std::string why = tried([&](const Trial& trial) { trial.need(::unshare(flag), call); });
    const bool works = why.empty();
    found(layer, std::move(why), kNamespaceAdvice);
    return works;
  }

  void empty_root() {
    std::string why;
    if (plan_.mount_namespace) {
      for (const RootKind kind : {RootKind::Pivot, RootKind::MoveMount}) {
        why = tried([&](const Trial& trial) {
          trial.need(::unshare(CLONE_NEWNS), "unshare(CLONE_NEWNS)");
          trial.need(replace_root(kind),
                     kind == RootKind::Pivot ? "pivot_root" : "mount(MS_MOVE) and chroot");
        });
        if (!why.empty()) continue;
        plan_.root = kind;
        return found(Layer::EmptyRoot, {}, {});
      }
    }
    why = tried([](const Trial& trial) {
      const auto directory = make_void_directory();
      trial.need(directory ? 0 : -1, "making an empty directory");
      trial.need(enter_root(directory->get()), "chroot");
    });
    if (why.empty()) plan_.root = RootKind::Chroot;
    found(Layer::EmptyRoot, std::move(why),
          "grant CAP_SYS_CHROOT (as root), or what the mount namespace needs");
  }

  void process_layers() {
    found(Layer::NoCapabilities, tried([](const Trial& t) {
            t.need(drop_bounding_set(), "dropping the bounding set");
            t.need(drop_all_capabilities(), "capset");
          }),
          "nothing should forbid this: look at the seccomp profile around Perilune");
    found(Layer::NoNewPrivileges, tried([](const Trial& t) {
            t.need(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
          }),
          "nothing should forbid this: look at the seccomp profile around Perilune");
    found(Layer::Rlimits, tried([](const Trial& t) {
            t.need(apply(std::span{&kNoMoreTasks, 1}), "setrlimit");
          }),
          "nothing should forbid this: look at the seccomp profile around Perilune");
    landlock();
    found(Layer::Mdwe, tried([](const Trial& t) {
            t.need(::prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0), "PR_SET_MDWE");
          }),
          "Linux 6.3 or newer has it; the filter refuses executable memory without it too");
  }

  void landlock() {
    const std::uint32_t abi = landlock_abi();
    std::string why = abi == 0 ? system_failure("landlock_create_ruleset", errno).detail
                               : tried([&](const Trial& trial) {
                                   trial.need(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "NNP");
                                   trial.need(landlock_deny_everything(abi), "landlock");
                                 });
    if (why.empty()) plan_.landlock_abi = abi;
    found(Layer::Landlock, std::move(why),
          "Linux 5.13 or newer with landlock in the list of the lsm= boot parameter");
  }

  void seccomp() {
    const auto program = compile(Policy::WorkerNoJit);
    std::string why = program ? std::string{} : program.error().detail;
    const auto load = [&](const Trial& trial) {
      trial.need(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
      trial.need(install(*program), "seccomp");
    };
    if (why.empty()) why = tried(load);
    if (why.empty()) {
      const Attempt killed = attempt([&](const Trial& trial) {
        load(trial);
        trial.need(::getppid(), "getppid");
      });
      if (killed.what != "killed by signal " + std::to_string(SIGSYS)) {
        why = "a forbidden call did not end the process";
      }
    }
    found(Layer::Seccomp, std::move(why), "a kernel with CONFIG_SECCOMP_FILTER");
  }

  const LauncherConfig& config_;
  Plan plan_;
  std::vector<LayerFinding> findings_;
};

}  // namespace

Survey survey(const LauncherConfig& config) { return Prober{config}.run(); }

std::vector<LayerFinding> probe(const LauncherConfig& config) { return survey(config).findings; }

}  // namespace perilune::sandbox
