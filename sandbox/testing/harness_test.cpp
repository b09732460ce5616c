// The harness's code, built into the test program only.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "sandbox/filter.hpp"
#include "sandbox/measure.hpp"
#include "sandbox/testing/harness.hpp"
#include "sandbox/text_file.hpp"

namespace perilune::sandbox::testing {
namespace {

struct Hello {
  pid_t host = -1;
  std::array<char, 600> failure{};
};

void say_hello(int to, const Hello& hello, int fd) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec piece{const_cast<Hello*>(&hello), sizeof hello};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (fd >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(head), &fd, sizeof fd);
  }
  (void)::sendmsg(to, &message, MSG_NOSIGNAL);
}

Hello hear_hello(int from, UniqueFd& fd) {
  Hello hello;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec piece{&hello, sizeof hello};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (::recvmsg(from, &message, 0) <= 0) return hello;
  if (const cmsghdr* const head = CMSG_FIRSTHDR(&message); head != nullptr) {
    int received = -1;
    std::memcpy(&received, CMSG_DATA(head), sizeof received);
    fd.reset(received);
  }
  return hello;
}

[[noreturn]] void be_launcher(const LauncherConfig& config, const std::function<void()>& before,
                              int life) {
  // A test that dies takes all of this with it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Not Catch's: it would report a failure.
  for (int signal = 1; signal < SIGRTMIN; ++signal) ::signal(signal, SIG_DFL);
  if (before) before();
  auto client = fork_host(config);
  Hello hello;
  if (!client) {
    std::strncpy(hello.failure.data(), client.error().detail.c_str(), hello.failure.size() - 1);
    say_hello(life, hello, -1);
    ::_exit(3);
  }
  hello.host = ::getpid();
  say_hello(life, hello, client->fd());
  // From here on the test has the only end that matters, but this one must stay open as well.
  unsigned char status = 0;
  if (::read(life, &status, 1) != 1) ::_exit(0);
  ::_exit(status);
}

}  // namespace

std::string worker_path() {
  if (const char* const other = std::getenv("PERILUNE_TEST_WORKER_PATH")) return other;
#ifdef PERILUNE_TEST_WORKER
  return PERILUNE_TEST_WORKER;
#else
  return {};
#endif
}

LauncherConfig test_config(Level required) {
  LauncherConfig config;
  config.worker_path = worker_path();
  config.required = required;
  config.start_timeout = std::chrono::milliseconds{20'000};  // machines that build meanwhile
  return config;
}

TestLauncher::TestLauncher(const LauncherConfig& config, const std::function<void()>& before) {
  std::array<int, 2> fds{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()) != 0) std::abort();
  life_.reset(fds[0]);
  UniqueFd theirs{fds[1]};
  launcher_ = ::fork();
  if (launcher_ == 0) {
    life_.reset();
    be_launcher(config, before, theirs.get());
  }
  theirs.reset();
  UniqueFd channel;
  const Hello hello = hear_hello(life_.get(), channel);
  host_ = hello.host;
  failure_ = hello.failure.data();
  if (channel) client_.emplace(std::move(channel));
}

TestLauncher::~TestLauncher() {
  client_.reset();
  life_.reset();
  if (launcher_ > 0) (void)wait_for_launcher();
}

int TestLauncher::wait_for_launcher() {
  int status = -1;
  const bool ended =
      eventually([&] { return ::waitpid(launcher_, &status, WNOHANG) == launcher_; });
  if (!ended) {
    ::kill(launcher_, SIGKILL);
    ::waitpid(launcher_, &status, 0);
  }
  launcher_ = -1;
  return status;
}

int TestLauncher::finish(int host_status) {
  const auto byte = static_cast<unsigned char>(host_status);
  (void)!::write(life_.get(), &byte, 1);
  return wait_for_launcher();
}

std::optional<LauncherEvent> TestLauncher::next_event() {
  pollfd waiting{client_->fd(), POLLIN, 0};
  if (::poll(&waiting, 1, 20'000) != 1) return std::nullopt;
  auto event = client_->receive();
  if (!event) return std::nullopt;
  return std::move(*event);
}

LauncherEvent TestLauncher::spawn(const WorkerClass& worker) {
  LauncherEvent failed;
  failed.kind = LauncherEvent::Kind::SpawnFailed;
  failed.failed.step = "test: no answer";
  const auto request = client_->spawn(worker);
  if (!request) return failed;
  while (auto event = next_event()) {
    if (event->request == *request) return std::move(*event);
  }
  return failed;
}

std::optional<long> tell(const SpawnedWorker& worker, const Order& order) {
  if (::send(worker.control.get(), &order, sizeof order, MSG_NOSIGNAL) < 0) return std::nullopt;
  pollfd waiting{worker.control.get(), POLLIN, 0};
  if (::poll(&waiting, 1, 20'000) != 1) return std::nullopt;
  long result = 0;
  if (::recv(worker.control.get(), &result, sizeof result, 0) != sizeof result) return std::nullopt;
  return result;
}

std::optional<long> tell(const SpawnedWorker& worker, Order::What what, std::int64_t number) {
  Order order;
  order.what = what;
  order.number = number;
  return tell(worker, order);
}

bool eventually(const std::function<bool()>& condition, std::chrono::seconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}

bool is_gone(pid_t pid) {
  const auto status = read_text("/proc/" + std::to_string(pid) + "/status");
  return !status || status_value(*status, "State").starts_with('Z');
}

void deny_as_a_container_would() {
  constexpr std::uint32_t kDenied = SECCOMP_RET_ERRNO | EPERM;
  constexpr std::uint32_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
                                           CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                                           CLONE_NEWCGROUP;
  std::vector<sock_filter> program{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 7, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setns, 6, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mount, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pivot_root, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_keyctl, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kNewNamespaces, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, kDenied),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (install(program) != 0) ::_exit(99);
}

}  // namespace perilune::sandbox::testing
