#include "sandbox/policy.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <array>
#include <set>

#include "sandbox/filter.hpp"

using namespace perilune::sandbox;

namespace {

using Arguments = std::array<std::uint64_t, 6>;

// These two do not pass through seccomp: since Linux 6.11 and 6.18 the kernel answers them first
// (uretprobe, uprobe), with SIGILL or an error.
constexpr std::array<long, 2> kUprobes{335, 336};
[[maybe_unused]] bool bypasses_seccomp(long number) {
  return number == kUprobes[0] || number == kUprobes[1];
}

void load(const std::vector<sock_filter>& program) {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::alarm(10);  // no call may block: a test that hangs is a test that fails
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || install(program) != 0) ::_exit(99);
}

/// True if the kernel ended a child that made this call under the program.
[[maybe_unused]] bool is_killed(const std::vector<sock_filter>& program, long number,
                                const Arguments& a = {}) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    load(program);
    ::syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    ::syscall(SYS_exit_group, 0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFEXITED(status)) REQUIRE(WEXITSTATUS(status) != 99);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

[[maybe_unused]] bool is_killed_32_bit(const std::vector<sock_filter>& program, int number) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    load(program);
    asm volatile("int $0x80" : "+a"(number) : "b"(0), "c"(0), "d"(0), "S"(0), "D"(0) : "memory");
    ::syscall(SYS_exit_group, 0);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

[[maybe_unused]] std::vector<Rule> rules_of(Policy policy) {
  std::vector<Rule> rules{common_rules().begin(), common_rules().end()};
  if (policy == Policy::WorkerJit)
    rules.insert(rules.end(), jit_rules().begin(), jit_rules().end());
  return rules;
}

}  // namespace

#ifndef PERILUNE_SANITIZED

TEST_CASE("every system call number that the policy does not name ends the process") {
  const auto policy = GENERATE(Policy::WorkerNoJit, Policy::WorkerJit);
  CAPTURE(name(policy));
  const auto program = compile(policy);
  REQUIRE(program.has_value());
  int allowed = 0;
  for (int number = 0; number < 1024; ++number) {
    // Without a signal's frame on the stack rt_sigreturn goes anywhere, into other calls too.
    if (bypasses_seccomp(number) || number == SYS_rt_sigreturn) continue;
    CAPTURE(number);
    const Arguments zeros{};
    const bool expected = !allows(policy, number, zeros);
    if (!expected) ++allowed;
    CHECK(is_killed(*program, number) == expected);
  }
  CHECK(allowed > 10);
  CHECK(allowed < 30);
}

TEST_CASE("x32 and 32-bit calls end the process, whatever their number") {
  const auto program = compile(Policy::WorkerJit);
  REQUIRE(program.has_value());
  for (int number = 0; number < 560; ++number) {
    CAPTURE(number);
    CHECK(is_killed(*program, 0x40000000L + number));
    if (number < 470) CHECK(is_killed_32_bit(*program, number));
  }
}

TEST_CASE("an argument filter lets its own value pass and no other bit") {
  const auto policy = GENERATE(Policy::WorkerNoJit, Policy::WorkerJit);
  CAPTURE(name(policy));
  const auto program = compile(policy);
  REQUIRE(program.has_value());
  for (const Rule& rule : rules_of(policy)) {
    if (!rule.when[0]) continue;
    Arguments fitting{};
    for (const auto& test : rule.when) {
      if (test) fitting[test->index] = test->value;
    }
    CAPTURE(rule.call, rule.why);
    CHECK_FALSE(is_killed(*program, rule.number, fitting));
    for (const auto& test : rule.when) {
      if (!test) continue;
      for (unsigned bit = 0; bit < 64; ++bit) {
        Arguments off = fitting;
        off[test->index] ^= std::uint64_t{1} << bit;
        CAPTURE(static_cast<int>(test->index), bit);
        CHECK(is_killed(*program, rule.number, off) == !allows(policy, rule.number, off));
      }
    }
  }
}

#else
TEST_CASE("the filter itself is tried in unsanitized builds") {
  WARN("SKIPPED: a sanitizer's runtime makes calls that the filter ends");
}
#endif

TEST_CASE("no rule stands twice and each has a reason") {
  std::set<std::string> seen;
  for (const Rule& rule : rules_of(Policy::WorkerJit)) {
    CAPTURE(rule.call);
    CHECK_FALSE(rule.why.empty());
    std::string key{rule.call};
    for (const auto& test : rule.when) {
      if (test) key += " " + std::to_string(test->mask) + "=" + std::to_string(test->value);
    }
    CHECK(seen.insert(key).second);
  }
}

TEST_CASE("what opens files, sockets and processes is in no policy") {
  for (const int number :
       {SYS_open,         SYS_openat,         SYS_openat2,     SYS_socket,
        SYS_connect,      SYS_bind,           SYS_accept4,     SYS_sendto,
        SYS_recvfrom,     SYS_clone,          SYS_clone3,      SYS_fork,
        SYS_vfork,        SYS_execve,         SYS_execveat,    SYS_kill,
        SYS_tgkill,       SYS_ptrace,         SYS_prctl,       SYS_seccomp,
        SYS_bpf,          SYS_io_uring_setup, SYS_userfaultfd, SYS_memfd_create,
        SYS_keyctl,       SYS_mount,          SYS_unshare,     SYS_setns,
        SYS_ioctl,        SYS_fcntl,          SYS_dup2,        SYS_prlimit64,
        SYS_rt_sigaction, SYS_timer_create,   SYS_pidfd_open,  SYS_process_vm_readv,
        SYS_shmat,        SYS_getdents64}) {
    CAPTURE(number);
    CHECK_FALSE(mentions(Policy::WorkerJit, number));
  }
  CHECK_FALSE(mentions(Policy::WorkerNoJit, SYS_mprotect));
}
