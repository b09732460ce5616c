#include "sandbox/workshop.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "sandbox/capabilities.hpp"
#include "sandbox/enter.hpp"
#include "sandbox/filter.hpp"
#include "sandbox/lockdown.hpp"

namespace perilune::sandbox {
namespace {

using Clock = std::chrono::steady_clock;

// DAC_OVERRIDE: the root of a version 1 hierarchy can be written by nobody, says its mode.
constexpr std::uint64_t kKept =
    1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH | 1ULL << CAP_KILL | 1ULL << CAP_SETUID |
    1ULL << CAP_SETGID | 1ULL << CAP_SETPCAP | 1ULL << CAP_SYS_CHROOT | 1ULL << CAP_SYS_ADMIN |
    1ULL << CAP_SYS_PTRACE | 1ULL << CAP_SYS_RESOURCE;

struct Pair {
  UniqueFd host;
  UniqueFd worker;
};

Started<Pair> make_pair_of_sockets() {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) != 0) {
    return SpawnFailed{"clone", errno, "socketpair"};
  }
  Pair pair{UniqueFd{fds[0]}, UniqueFd{fds[1]}};
  // Of the two ends only the host's is non-blocking: the flag belongs to the end, not to the pair.
  if (::fcntl(pair.host.get(), F_SETFL, O_NONBLOCK) != 0) {
    return SpawnFailed{"clone", errno, "O_NONBLOCK"};
  }
  return pair;
}

/// The old system call: container run-times answer clone3 with ENOSYS, and it has all flags that
/// are needed here.
pid_t clone_child(unsigned long namespaces, int& pidfd) {
  const unsigned long flags = namespaces | CLONE_PIDFD | SIGCHLD;
  return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, &pidfd, nullptr, nullptr));
}

bool send_whole(int fd, const void* data, std::size_t size) {
  return ::send(fd, data, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
}

Failure unavailable(std::string detail) { return {"sandbox_unavailable", std::move(detail)}; }

void end(const Worker& worker) {
  (void)::syscall(SYS_pidfd_send_signal, worker.pidfd.get(), SIGKILL, nullptr, 0);
  int status = 0;
  while (::waitpid(worker.pid, &status, 0) < 0 && errno == EINTR) {
  }
  Cgroups::remove(worker.group);
}

}  // namespace

std::string list_of(const std::vector<Layer>& layers) {
  std::string text;
  for (const Layer layer : layers) {
    if (!text.empty()) text += ", ";
    text += name(layer);
  }
  return text;
}

Result<std::unique_ptr<Workshop>> Workshop::prepare(const LauncherConfig& config, pid_t host) {
  std::unique_ptr<Workshop> made{new Workshop{config}};
  made->survey_ = survey(config);
  made->outside_ = own_namespaces();
  if (auto opened = made->open_everything(host); !opened) {
    return unavailable(opened.error().detail);
  }
  return made;
}

Result<void> Workshop::open_everything(pid_t host) {
  const Plan& plan = survey_.plan;
  if (plan.as_root && !plan.own_uid) {
    return unavailable("the launcher is root and cannot give a worker another uid: " +
                       survey_.findings.front().why);
  }
  program_.reset(::open(config_.worker_path.c_str(), O_PATH | O_CLOEXEC));
  if (!program_) return system_failure("open " + config_.worker_path, errno);
  null_device_.reset(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null_device_) return system_failure("open /dev/null", errno);
  cgroups_ = Cgroups::open(config_.cgroup_parent, host);
  if (plan.root == RootKind::Chroot) {
    auto directory = make_void_directory();
    if (!directory) return directory.error();
    void_directory_ = std::move(*directory);
  }
  for (const auto& [policy, program] : {std::pair{Policy::WorkerNoJit, &no_jit_filter_},
                                        std::pair{Policy::WorkerJit, &jit_filter_}}) {
    auto compiled = compile(policy);
    if (!compiled) return compiled.error();
    *program = std::move(*compiled);
  }
  if (plan.user_namespace && enter_user_namespace() != 0) {
    return system_failure("entering a user namespace", errno);
  }
  auto shared = make_shared_namespaces(
      {plan.net_namespace, plan.uts_namespace, plan.mount_namespace, plan.root});
  if (!shared) return shared.error();
  shared_ = std::move(*shared);
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return system_failure("PR_SET_DUMPABLE", errno);
  if (keep_capabilities(kKept) != 0) return system_failure("dropping capabilities", errno);
  return {};
}

Step Workshop::injected_step() {
  ++started_;
#ifdef PERILUNE_FAULT_INJECTION
  // "landlock": from the first worker on; "landlock@2": from the second on.
  const char* const wanted = std::getenv("PERILUNE_FAIL_STEP");
  if (wanted != nullptr) {
    const std::string text{wanted};
    const auto at = text.find('@');
    const unsigned long from =
        at == std::string::npos ? 1 : std::strtoul(text.c_str() + at + 1, nullptr, 10);
    if (started_ >= from) return parse_step(text.substr(0, at));
  }
#endif
  return Step::None;
}

Started<Worker> Workshop::start(const WorkerClass& worker_class, std::uint32_t slot) {
  Worker worker;
  worker.slot = slot;
  worker.worker = worker_class;
  auto group = cgroups_.make(slot, worker_class.memory, worker_class.threads + 4U);
  if (!group) return SpawnFailed{"cgroup", 0, group.error().detail};
  worker.group = std::move(*group);
  const WorkerCgroup paths{worker.group.memory, worker.group.pids, {}, {}};
  auto launched = launch(std::move(worker));
  if (!launched) Cgroups::remove(paths);
  return launched;
}

Started<Worker> Workshop::launch(Worker worker) {
  auto control = make_pair_of_sockets();
  if (!control) return control.error();
  std::vector<UniqueFd> far_links;
  for (unsigned i = 0; i < worker.worker.links; ++i) {
    auto link = make_pair_of_sockets();
    if (!link) return link.error();
    worker.links.push_back(std::move(link->host));
    far_links.push_back(std::move(link->worker));
  }
  const Step inject = injected_step();
  Entry entry{survey_.plan,
              shared_,
              worker.group,
              worker.worker,
              void_directory_.get(),
              null_device_.get(),
              program_.get(),
              control->worker.get(),
              {},
              config_.first_worker_uid + worker.slot,
              inject};
  for (const UniqueFd& link : far_links) entry.links.push_back(link.get());
  const unsigned long namespaces = (survey_.plan.pid_namespace ? CLONE_NEWPID : 0U) |
                                   (survey_.plan.ipc_namespace ? CLONE_NEWIPC : 0U);
  int pidfd = -1;
  worker.pid = clone_child(namespaces, pidfd);
  if (worker.pid == 0) enter(entry);
  if (worker.pid < 0) return SpawnFailed{"clone", errno, "clone"};
  worker.pidfd.reset(pidfd);
  worker.control = std::move(control->host);
  worker.deadline = Clock::now() + config_.start_timeout;
  send_orders(worker, inject);
  return worker;
}

void Workshop::send_orders(const Worker& worker, Step inject) const {
  const auto& filter = worker.worker.jit ? jit_filter_ : no_jit_filter_;
  Boot boot;
  boot.magic = kBootMagic;
  boot.jit = worker.worker.jit ? 1 : 0;
  boot.throw_away = worker.worker.throw_away ? 1 : 0;
  boot.links = worker.worker.links;
  boot.threads = worker.worker.threads;
  boot.memory = worker.worker.memory.count;
  boot.landlock_abi = survey_.plan.landlock_abi;
  boot.fail_step = static_cast<std::uint32_t>(inject);
  // A child that is dead already has left a report, or its status.
  (void)(send_whole(worker.control.get(), &boot, sizeof boot) &&
         send_whole(worker.control.get(), filter.data(), filter.size() * sizeof(sock_filter)));
}

std::optional<Started<Passed>> Workshop::inspect(const Worker& worker) const {
  Report report;
  ssize_t got = ::recv(worker.control.get(), &report, sizeof report, MSG_TRUNC);
  // Who ends without having read its orders resets the connection; its report comes after that.
  if (got < 0 && errno == ECONNRESET) {
    got = ::recv(worker.control.get(), &report, sizeof report, MSG_TRUNC);
  }
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
  if (got != static_cast<ssize_t>(sizeof report) || report.magic != kReportMagic ||
      static_cast<std::size_t>(report.step) >= kStepCount) {
    return SpawnFailed{"died", 0, "the worker ended before it was locked down"};
  }
  return judge(worker, report);
}

Started<Passed> Workshop::judge(const Worker& worker, const Report& report) const {
  if (report.step != Step::None) {
    const std::string step{name(report.step)};
    return SpawnFailed{step, report.error, system_failure("step " + step, report.error).detail};
  }
  auto layers = measure(worker.pid, {survey_.plan, outside_, worker.group, worker.worker,
                                     config_.first_worker_uid + worker.slot});
  if (!layers) return SpawnFailed{"measure", 0, layers.error().detail};
  if (report.landlock > 0) layers->add(Layer::Landlock);
  if (report.mdwe != 0) layers->add(Layer::Mdwe);
  const Level level = level_of(*layers);
  if (level == Level::None || level < config_.required) {
    const Level wanted = std::max(config_.required, Level::Filter);
    return SpawnFailed{"level", 0,
                       "level " + std::string{name(level)} + " instead of " +
                           std::string{name(wanted)} + ": missing " +
                           list_of(missing_for(wanted, *layers))};
  }
  return Passed{*layers, level};
}

Result<Passed> Workshop::rehearse() {
  auto worker = start(WorkerClass{.memory = Bytes{64ULL << 20U}}, 0);
  if (!worker) return unavailable(worker.error().step + ": " + worker.error().detail);
  std::optional<Started<Passed>> verdict;
  while (!verdict) {
    pollfd waiting{worker->control.get(), POLLIN, 0};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(worker->deadline - Clock::now());
    if (left.count() <= 0) {
      verdict = SpawnFailed{"timeout", 0, "the worker was not locked down in time"};
      break;
    }
    if (::poll(&waiting, 1, static_cast<int>(left.count()) + 1) < 0 && errno != EINTR) break;
    verdict = inspect(*worker);
  }
  end(*worker);
  if (!verdict) return unavailable("poll");
  if (*verdict) return **verdict;
  return unavailable(verdict->error().step + ": " + verdict->error().detail);
}

}  // namespace perilune::sandbox
