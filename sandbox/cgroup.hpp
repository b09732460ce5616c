#pragma once

/// @file
/// Memory and task limits by control groups, version 1 or 2, where they can be written.

#include <cstdint>
#include <optional>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/base/units.hpp"

namespace perilune::sandbox {

/// Where controllers are, in terms of this process's own group.
struct CgroupPlace {
  std::string memory;  ///< directory of our own group, or empty
  std::string pids;    ///< the same one as `memory` in version 2
  bool unified = false;
};

/// Finds our own groups. `mountinfo` and `own` are the texts of /proc/self/mountinfo and
/// /proc/self/cgroup.
[[nodiscard]] CgroupPlace find_cgroups(const std::string& mountinfo, const std::string& own);

/// Whether limits can be set, without moving a process: what is in the way, or empty.
struct CgroupProblems {
  std::string memory;
  std::string pids;
};
[[nodiscard]] CgroupProblems probe_cgroups(const std::string& parent);

/// One worker's groups. Empty paths: that controller is not there.
struct WorkerCgroup {
  std::string memory;
  std::string pids;
  UniqueFd memory_procs;  ///< a process that writes "0" here joins
  UniqueFd pids_procs;

  /// The file that tells how much memory is in use, or empty.
  [[nodiscard]] std::string usage_file(bool unified) const;
  [[nodiscard]] bool memory_killed(bool unified) const;
};

/// The launcher's groups, below which each worker gets its own.
class Cgroups {
 public:
  /// Looks for a place below `parent` (version 2), or below our own group. In version 2 this
  /// process moves into a group beside the workers' if controllers must be handed down; `also`
  /// (the host) comes with it, if it is not 0. What an earlier launcher left is removed.
  [[nodiscard]] static Cgroups open(const std::string& parent, pid_t also);
  Cgroups() = default;
  Cgroups(Cgroups&&) = default;
  Cgroups& operator=(Cgroups&&) = default;
  Cgroups(const Cgroups&) = delete;
  Cgroups& operator=(const Cgroups&) = delete;
  ~Cgroups() = default;

  [[nodiscard]] bool memory() const noexcept { return !memory_.empty(); }
  [[nodiscard]] bool pids() const noexcept { return !pids_.empty(); }
  [[nodiscard]] bool unified() const noexcept { return unified_; }
  /// Why there is no limit of that kind.
  [[nodiscard]] const std::string& memory_problem() const noexcept { return memory_problem_; }
  [[nodiscard]] const std::string& pids_problem() const noexcept { return pids_problem_; }

  /// Makes the groups of one worker. Fails with `system_error`.
  [[nodiscard]] Result<WorkerCgroup> make(std::uint32_t slot, Bytes memory, unsigned tasks) const;
  /// Removes the groups of a worker that has been reaped. False: not yet empty, try again later.
  static bool remove(const WorkerCgroup& group) noexcept;
  /// Removes our own groups with what is left in them; their processes must be reaped. May wait for
  /// the kernel, some milliseconds.
  void close() noexcept;

 private:
  std::string memory_;
  std::string pids_;
  std::string memory_problem_;
  std::string pids_problem_;
  bool unified_ = false;
};

}  // namespace perilune::sandbox
