#include "sandbox/launcher_loop.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "runtime/base/log.hpp"

namespace perilune::sandbox {
namespace {

using Clock = std::chrono::steady_clock;

/// A host that does not read its events is not served until it does.
constexpr std::size_t kMaxOutbox = 256;
constexpr int kProtocolStatus = 70;
constexpr std::array<int, 4> kForwarded{SIGTERM, SIGINT, SIGHUP, SIGQUIT};

UniqueFd take_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  for (const int signal : kForwarded) ::sigaddset(&set, signal);
  ::sigprocmask(SIG_SETMASK, &set, nullptr);
  return UniqueFd{::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)};
}

void kill_worker(const Worker& worker) {
  (void)::syscall(SYS_pidfd_send_signal, worker.pidfd.get(), SIGKILL, nullptr, 0);
}

int exit_status(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

ssize_t send_with(int channel, const std::vector<std::byte>& bytes,
                  const std::vector<UniqueFd>& fds) {
  constexpr std::size_t kMost = 2 + kMaxLinks;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMost * sizeof(int))> control{};
  iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};  // sendmsg only reads
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    for (std::size_t i = 0; i < fds.size(); ++i) {
      const int fd = fds[i].get();
      std::memcpy(CMSG_DATA(head) + i * sizeof fd, &fd, sizeof fd);
    }
  }
  return ::sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

bool SpawnRate::take(Clock::time_point now) noexcept {
  if (last_) {
    const std::chrono::duration<double> passed = now - *last_;
    tokens_ = std::min(per_second_, tokens_ + passed.count() * per_second_);
  }
  last_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

LauncherLoop::LauncherLoop(Workshop& workshop, UniqueFd channel, pid_t host)
    : workshop_{workshop},
      channel_{std::move(channel)},
      signals_{take_signals()},
      host_{host},
      rate_{workshop.config().spawns_per_second} {}

int LauncherLoop::run() {
  reap();  // who exited before signals were taken over
  while (!host_status_) wait_and_serve();
  channel_.reset();
  kill_all();
  return *host_status_;
}

void LauncherLoop::wait_and_serve() {
  std::vector<pollfd> waiting{{signals_.get(), POLLIN, 0}, {channel_.get(), 0, 0}};
  if (outbox_.size() < kMaxOutbox) waiting[1].events |= POLLIN;
  if (!outbox_.empty() && !stalled_) waiting[1].events |= POLLOUT;
  std::vector<std::uint32_t> slots;
  for (const auto& [slot, worker] : workers_) {
    if (!worker.starting) continue;
    waiting.push_back({worker.control.get(), POLLIN, 0});
    slots.push_back(slot);
  }
  if (::poll(waiting.data(), waiting.size(), timeout()) < 0 && errno != EINTR) {
    log::error("launcher: poll failed", {{"errno", std::int64_t{errno}}});
    stop_host();
  }
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const auto worker = workers_.find(slots[i]);
    if (waiting[i + 2].revents != 0 && worker != workers_.end()) settle(worker->second);
  }
  if (waiting[0].revents != 0) read_signals();
  if (host_status_) return;
  if ((waiting[1].revents & (POLLIN | POLLHUP)) != 0) read_requests();
  expire();
  remove_groups();
  flush();
}

int LauncherLoop::timeout() const {
  std::optional<Clock::time_point> next;
  for (const auto& [slot, worker] : workers_) {
    if (worker.starting && (!next || worker.deadline < *next)) next = worker.deadline;
  }
  int milliseconds = leftovers_.empty() && !stalled_ ? -1 : 50;
  if (next) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count();
    const int bounded = static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
    milliseconds = milliseconds < 0 ? bounded : std::min(milliseconds, bounded);
  }
  return milliseconds;
}

void LauncherLoop::read_signals() {
  signalfd_siginfo info{};
  bool child = false;
  while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) {
      child = true;
    } else if (info.ssi_code != SI_KERNEL) {
      // What comes from the terminal's driver (SI_KERNEL) has reached the host as well.
      (void)::kill(host_, signal);
    }
  }
  if (child) reap();
}

void LauncherLoop::reap() {
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) reaped(pid, status);
}

void LauncherLoop::reaped(pid_t pid, int status) {
  if (pid == host_) {
    host_status_ = exit_status(status);
    return;
  }
  const auto found =
      std::ranges::find_if(workers_, [&](const auto& entry) { return entry.second.pid == pid; });
  if (found == workers_.end()) return;  // an orphan, if we are a container's first process
  Worker& worker = found->second;
  if (worker.starting) {
    settle(worker);  // what it had to say
    if (worker.starting) {
      const std::string how = WIFSIGNALED(status)
                                  ? "ended by signal " + std::to_string(WTERMSIG(status))
                                  : "exit status " + std::to_string(WEXITSTATUS(status));
      give_up(worker, {"died", 0, "before it was locked down: " + how});
    }
  }
  if (worker.request == 0) {  // it was handed out: `give_up` marks what was not
    LauncherEvent event;
    event.kind = LauncherEvent::Kind::Exited;
    event.exited = {worker.slot, pid, status,
                    worker.group.memory_killed(workshop_.cgroups().unified())};
    send(std::move(event));
  }
  if (!Cgroups::remove(worker.group)) leftovers_.push_back(std::move(worker.group));
  workers_.erase(found);
}

void LauncherLoop::read_requests() {
  std::array<std::byte, 256> bytes{};
  while (outbox_.size() < kMaxOutbox) {
    const ssize_t got =
        ::recv(channel_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return lose_host();
    const auto size = std::min(static_cast<std::size_t>(got), bytes.size());
    const auto request = decode_request(std::span{bytes}.first(size));
    if (!request || static_cast<std::size_t>(got) > bytes.size()) {
      log::error("launcher: the host sent something that is not a request");
      stop_host();
      host_status_ = kProtocolStatus;
      return;
    }
    serve(*request);
  }
}

void LauncherLoop::serve(const Request& request) {
  if (request.kind == Request::Kind::Spawn) return spawn(request);
  if (request.kind == Request::Kind::Kill) {
    const auto worker = workers_.find(request.slot);
    // The slot may be free or another's by now: the Exited event is on the way.
    if (worker != workers_.end() && worker->second.pid == request.pid) kill_worker(worker->second);
    return;
  }
  LauncherEvent event;
  event.kind = LauncherEvent::Kind::Probed;
  event.request = request.id;
  event.findings = workshop_.findings();
  send(std::move(event));
}

void LauncherLoop::spawn(const Request& request) {
  if (std::string problem = problem_with(request.worker); !problem.empty() || request.id == 0) {
    return refuse(request.id, {"class", EINVAL, std::move(problem)});
  }
  const auto slot = free_slot();
  if (!slot) return refuse(request.id, {"max_workers", EAGAIN, "every slot is taken"});
  if (!rate_.take(Clock::now())) {
    return refuse(request.id, {"rate", EAGAIN, "too many workers were started in this second"});
  }
  auto started = workshop_.start(request.worker, *slot);
  if (!started) return refuse(request.id, started.error());
  started->request = request.id;
  workers_.emplace(*slot, std::move(*started));
}

void LauncherLoop::refuse(std::uint32_t request, SpawnFailed failed) {
  LauncherEvent event;
  event.kind = LauncherEvent::Kind::SpawnFailed;
  event.request = request;
  event.failed = std::move(failed);
  send(std::move(event));
}

/// Round robin, so that a uid rests before another worker gets it.
std::optional<std::uint32_t> LauncherLoop::free_slot() {
  const std::uint32_t slots = workshop_.config().max_workers;
  for (std::uint32_t i = 0; i < slots; ++i) {
    const std::uint32_t slot = (next_slot_ + i) % slots;
    if (workers_.contains(slot)) continue;
    next_slot_ = (slot + 1) % slots;
    return slot;
  }
  return std::nullopt;
}

void LauncherLoop::settle(Worker& worker) {
  const auto verdict = workshop_.inspect(worker);
  if (!verdict) return;
  if (*verdict) return hand_out(worker, **verdict);
  if (verdict->error().step == "died") {
    // Reaping says how it ended; until then nothing more can be heard from this socket.
    worker.control.reset();
    return;
  }
  give_up(worker, verdict->error());
}

void LauncherLoop::hand_out(Worker& worker, const Passed& passed) {
  LauncherEvent event;
  event.kind = LauncherEvent::Kind::Spawned;
  event.request = worker.request;
  event.spawned.slot = worker.slot;
  event.spawned.pid = worker.pid;
  event.spawned.layers = passed.layers;
  event.spawned.level = passed.level;
  event.spawned.memory_file = worker.group.usage_file(workshop_.cgroups().unified());
  std::vector<UniqueFd> fds;
  fds.emplace_back(::fcntl(worker.pidfd.get(), F_DUPFD_CLOEXEC, 3));
  if (!fds.front()) return give_up(worker, {"clone", errno, "no descriptor for the pidfd"});
  fds.push_back(std::move(worker.control));
  for (UniqueFd& link : worker.links) fds.push_back(std::move(link));
  worker.links.clear();
  worker.starting = false;
  worker.request = 0;
  send(std::move(event), std::move(fds));
}

void LauncherLoop::give_up(Worker& worker, SpawnFailed failed) {
  kill_worker(worker);
  worker.starting = false;
  refuse(worker.request, std::move(failed));
}

void LauncherLoop::expire() {
  const auto now = Clock::now();
  for (auto& [slot, worker] : workers_) {
    if (worker.starting && now >= worker.deadline) {
      give_up(worker, {"timeout", ETIMEDOUT, "not locked down in time"});
    }
  }
}

void LauncherLoop::send(LauncherEvent event, std::vector<UniqueFd> fds) {
  outbox_.push_back({encode(event), std::move(fds)});
  flush();
}

void LauncherLoop::flush() {
  if (!channel_) outbox_.clear();
  stalled_ = false;
  while (!outbox_.empty()) {
    if (send_with(channel_.get(), outbox_.front().bytes, outbox_.front().fds) < 0) {
      // Too many descriptors in flight, say: waiting for room in the socket would not wait.
      stalled_ = errno != EAGAIN;
      return;
    }
    outbox_.pop_front();
  }
}

/// The host closed its end: it is about to exit, or can at least never ask again.
void LauncherLoop::lose_host() {
  channel_.reset();
  outbox_.clear();
  for (const auto& [slot, worker] : workers_) kill_worker(worker);
}

void LauncherLoop::stop_host() {
  (void)::kill(host_, SIGKILL);
  int status = 0;
  while (::waitpid(host_, &status, 0) < 0 && errno == EINTR) {
  }
  host_status_ = exit_status(status);
}

void LauncherLoop::kill_all() {
  for (auto& [slot, worker] : workers_) kill_worker(worker);
  for (auto& [slot, worker] : workers_) {
    int status = 0;
    while (::waitpid(worker.pid, &status, 0) < 0 && errno == EINTR) {
    }
  }
  workers_.clear();
  workshop_.close();
}

void LauncherLoop::remove_groups() {
  std::erase_if(leftovers_, [](const WorkerCgroup& group) { return Cgroups::remove(group); });
}

}  // namespace perilune::sandbox
