#pragma once

/// @file
/// The steps of a worker's start, by name: one that fails ends the worker before it is a worker.

#include <array>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace perilune::sandbox {

/// In the order in which they are taken. `Boot` and what follows is done by the worker itself.
enum class Step : std::uint32_t {
  None,
  ParentDeath,
  Signals,
  OomScore,
  CgroupJoin,
  CgroupNamespace,
  NetNamespace,
  UtsNamespace,
  MountNamespace,
  Root,
  Descriptors,
  Rlimits,
  BoundingSet,
  Uid,
  Capabilities,
  Keyring,
  Session,
  NoNewPrivileges,
  Exec,
  Boot,
  Landlock,
  ParentDeathAgain,
  Dumpable,
  Mdwe,
  Speculation,
  HugePages,
  Tasks,
  Seccomp,
  Count_,
};

inline constexpr std::size_t kStepCount = static_cast<std::size_t>(Step::Count_);
/// "setns_net", "landlock", ...: what `SpawnFailed::step` holds.
[[nodiscard]] std::string_view name(Step step) noexcept;
/// `Step::None` for a text that names none.
[[nodiscard]] Step parse_step(std::string_view text) noexcept;

/// How a worker, or what is to become one, tells the launcher where it is: one datagram.
struct Report {
  std::uint32_t magic = 0;
  Step step = Step::None;  ///< None: locked down
  std::int32_t error = 0;  ///< errno of the failed step
  std::uint8_t landlock = 0;
  std::uint8_t mdwe = 0;
  std::array<std::uint8_t, 2> zero{};
};
inline constexpr std::uint32_t kReportMagic = 0x504c5252;
inline constexpr int kFailedStart = 78;  ///< exit status after a failed step

/// Sends the report and ends the process with `kFailedStart`.
[[noreturn]] void fail(int report_fd, Step step, int error) noexcept;

/// Takes steps in order; the first that fails is the last thing that the process does.
class Steps {
 public:
  /// `inject`: the step to fail with EIO instead of taking it (fault injection builds only).
  Steps(int report_fd, Step inject) noexcept : report_fd_{report_fd}, inject_{inject} {}

  /// The descriptor to which failures go, after it moved.
  void report_to(int fd) noexcept { report_fd_ = fd; }

  /// `action` returns what a system call returns: negative with errno set if it failed.
  /// @returns true, or false when it failed with one of the `tolerated` errors: the step is a
  /// best-effort one and the kernel lacks it.
  template <typename Action>
  bool take(Step step, Action action, std::initializer_list<int> tolerated = {}) {
#ifdef PERILUNE_FAULT_INJECTION
    if (step == inject_) fail(report_fd_, step, EIO);
#endif
    if (action() >= 0) return true;
    const int error = errno;
    for (const int accepted : tolerated) {
      if (error == accepted) return false;
    }
    fail(report_fd_, step, error);
  }

 private:
  int report_fd_;
  [[maybe_unused]] Step inject_;
};

}  // namespace perilune::sandbox
