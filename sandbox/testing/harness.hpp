#pragma once

/// @file
/// A launcher with a host that does nothing but live, so that the test itself can be the host's
/// half.

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "sandbox/launcher.hpp"
#include "sandbox/testing/order.hpp"

namespace perilune::sandbox::testing {

/// The test worker's path, or empty where none is built (sanitizers exclude its layers): the caller
/// says so and skips. PERILUNE_TEST_WORKER_PATH names one of another build.
[[nodiscard]] std::string worker_path();
[[nodiscard]] LauncherConfig test_config(Level required);

class TestLauncher {
 public:
  /// `before` runs in the process that becomes the launcher: drops its uid, stacks a filter.
  explicit TestLauncher(const LauncherConfig& config, const std::function<void()>& before = {});
  ~TestLauncher();
  TestLauncher(const TestLauncher&) = delete;
  TestLauncher& operator=(const TestLauncher&) = delete;

  /// False: `fork_host` failed, and `failure()` says why.
  [[nodiscard]] bool started() const noexcept { return client_.has_value(); }
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }
  [[nodiscard]] LauncherClient& client() { return *client_; }
  [[nodiscard]] pid_t launcher() const noexcept { return launcher_; }
  [[nodiscard]] pid_t host() const noexcept { return host_; }

  /// Asks for a worker and waits for the answer.
  [[nodiscard]] LauncherEvent spawn(const WorkerClass& worker = {});
  /// The next event of any kind; an empty optional after 20 s or when the launcher is gone.
  [[nodiscard]] std::optional<LauncherEvent> next_event();
  /// Lets the host exit with this status. @returns what the launcher ended with (waitpid's form).
  [[nodiscard]] int finish(int host_status);
  /// Waits for the launcher's end.
  [[nodiscard]] int wait_for_launcher();

 private:
  pid_t launcher_ = -1;
  pid_t host_ = -1;
  UniqueFd life_;  ///< a byte here is the host's exit status
  std::optional<LauncherClient> client_;
  std::string failure_;
};

/// The worker's answer; empty when it died instead.
[[nodiscard]] std::optional<long> tell(const SpawnedWorker& worker, const Order& order);
[[nodiscard]] std::optional<long> tell(const SpawnedWorker& worker, Order::What what,
                                       std::int64_t number = 0);

/// True once `condition` holds; false after `limit`.
[[nodiscard]] bool eventually(const std::function<bool()>& condition,
                              std::chrono::seconds limit = std::chrono::seconds{20});
/// No such process, or a zombie that its parent has not looked at.
[[nodiscard]] bool is_gone(pid_t pid);
/// What a container run-time's default profile denies: namespaces, mounts, pivot_root.
void deny_as_a_container_would();

}  // namespace perilune::sandbox::testing
