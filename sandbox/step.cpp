#include "sandbox/step.hpp"

#include <sys/socket.h>
#include <unistd.h>

namespace perilune::sandbox {
namespace {

constexpr std::array<std::string_view, kStepCount> kNames{"none",         "parent_death",
                                                          "signals",      "oom_score",
                                                          "cgroup_join",  "cgroup_namespace",
                                                          "setns_net",    "setns_uts",
                                                          "setns_mount",  "root",
                                                          "descriptors",  "rlimits",
                                                          "bounding_set", "uid",
                                                          "capabilities", "keyring",
                                                          "session",      "no_new_privileges",
                                                          "exec",         "boot",
                                                          "landlock",     "parent_death_again",
                                                          "dumpable",     "mdwe",
                                                          "speculation",  "huge_pages",
                                                          "tasks",        "seccomp"};

}  // namespace

std::string_view name(Step step) noexcept {
  const auto index = static_cast<std::size_t>(step);
  return index < kStepCount ? kNames[index] : "unknown";
}

Step parse_step(std::string_view text) noexcept {
  for (std::size_t i = 1; i < kStepCount; ++i) {
    if (kNames[i] == text) return static_cast<Step>(i);
  }
  return Step::None;
}

void fail(int report_fd, Step step, int error) noexcept {
  Report report;
  report.magic = kReportMagic;
  report.step = step;
  report.error = error;
  // Nobody is left to tell if this fails: the launcher then sees the exit status only.
  (void)::send(report_fd, &report, sizeof report, MSG_NOSIGNAL | MSG_DONTWAIT);
  ::_exit(kFailedStart);
}

}  // namespace perilune::sandbox
