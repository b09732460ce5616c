#include "host/supervisor/restart_policy.hpp"

#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "host/supervisor/exit_reason.hpp"

namespace perilune::host {

using namespace std::chrono_literals;

TEST_CASE(
    "The first restart is at once, the next ones wait twice as long each, at most 5 minutes") {
  RestartPolicy policy;
  auto now = RestartPolicy::Clock::time_point{} + 1h;
  REQUIRE(policy.not_before() <= now);
  const auto delay_after_death = [&] {
    policy.died(now);
    return policy.not_before() - now;
  };
  REQUIRE(delay_after_death() == 0s);
  REQUIRE(delay_after_death() == 1s);
  REQUIRE(delay_after_death() == 2s);
  REQUIRE(delay_after_death() == 4s);
  for (int i = 0; i < 20; ++i) (void)delay_after_death();
  REQUIRE(delay_after_death() == 5min);
}

TEST_CASE("Five deaths in ten minutes are a crash loop until the back-off has passed") {
  RestartPolicy policy;
  auto now = RestartPolicy::Clock::time_point{} + 1h;
  for (int i = 0; i < 4; ++i) policy.died(now += 1min);
  REQUIRE_FALSE(policy.crash_loop(now));
  policy.died(now += 1min);
  REQUIRE(policy.crash_loop(now));
  REQUIRE(policy.crash_loop(policy.not_before() - 1ns));
  REQUIRE_FALSE(policy.crash_loop(policy.not_before()));
  policy.reset();
  REQUIRE_FALSE(policy.crash_loop(now));
  REQUIRE(policy.not_before() <= now);
}

TEST_CASE("Deaths that are more than ten minutes old do not count") {
  RestartPolicy policy;
  auto now = RestartPolicy::Clock::time_point{} + 1h;
  for (int i = 0; i < 4; ++i) policy.died(now);
  policy.died(now + 10min + 1ns);
  REQUIRE(policy.deaths() == 1);
}

TEST_CASE("A worker's end is named by what the kernel saw, then by why we killed it") {
  const int kill = SIGKILL;
  REQUIRE(classify_exit(SIGSYS, false, {}) == ExitReason::Seccomp);
  REQUIRE(classify_exit(SIGSYS, false, ExitReason::Watchdog) == ExitReason::Seccomp);
  REQUIRE(classify_exit(SIGSEGV, false, {}) == ExitReason::Segfault);
  REQUIRE(classify_exit(SIGXCPU, false, {}) == ExitReason::CpuLimit);
  REQUIRE(classify_exit(kill, false, {}) == ExitReason::Killed);
  REQUIRE(classify_exit(kill, false, ExitReason::Watchdog) == ExitReason::Watchdog);
  REQUIRE(classify_exit(kill, true, ExitReason::Watchdog) == ExitReason::Memory);
  REQUIRE(classify_exit(W_EXITCODE(0, 0), false, ExitReason::Stopped) == ExitReason::Stopped);
  REQUIRE(classify_exit(W_EXITCODE(3, 0), false, {}) == ExitReason::Exited);
  REQUIRE(classify_exit(W_EXITCODE(78, 0), false, {}) == ExitReason::Isolation);
}

}  // namespace perilune::host
