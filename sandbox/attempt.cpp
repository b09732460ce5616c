#include "sandbox/attempt.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "runtime/base/unique_fd.hpp"

namespace perilune::sandbox {
namespace {

struct Message {
  int error = 0;
  std::array<char, 60> what{};
};

void say(int fd, int error, const char* what) {
  Message message;
  message.error = error;
  std::strncpy(message.what.data(), what, message.what.size() - 1);
  (void)!::write(fd, &message, sizeof message);
}

[[noreturn]] void be_child(int to_parent, int from_parent,
                           const std::function<void(const Trial&)>& body) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  body(Trial{to_parent});
  say(to_parent, 0, "");
  char go_on = 0;
  (void)!::read(from_parent, &go_on, 1);  // until the parent has looked: end of file
  ::_exit(0);
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

void Trial::need(long result, const char* what) const {
  if (result >= 0) return;
  say(fd_, errno, what);
  ::_exit(1);
}

Attempt attempt(const std::function<void(const Trial&)>& body,
                const std::function<void(int pid)>& inspect) {
  std::array<int, 2> up{};
  std::array<int, 2> down{};
  if (::pipe2(up.data(), O_CLOEXEC) != 0) return {errno, "pipe2"};
  UniqueFd up_read{up[0]};
  UniqueFd up_write{up[1]};
  if (::pipe2(down.data(), O_CLOEXEC) != 0) return {errno, "pipe2"};
  UniqueFd down_read{down[0]};
  UniqueFd down_write{down[1]};
  const pid_t pid = ::fork();
  if (pid < 0) return {errno, "fork"};
  if (pid == 0) {
    down_write.reset();
    be_child(up_write.get(), down_read.get(), body);
  }
  up_write.reset();
  down_read.reset();
  Message message;
  const ssize_t got = ::read(up_read.get(), &message, sizeof message);
  const bool spoke = got == static_cast<ssize_t>(sizeof message);
  if (spoke && message.error == 0 && inspect) inspect(pid);
  down_write.reset();
  const int status = wait_for(pid);
  if (spoke) return {message.error, message.what.data()};
  return {WIFSIGNALED(status) ? EINTR : ECHILD,
          WIFSIGNALED(status) ? "killed by signal " + std::to_string(WTERMSIG(status))
                              : "ended with status " + std::to_string(WEXITSTATUS(status))};
}

}  // namespace perilune::sandbox
