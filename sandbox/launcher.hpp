#pragma once

/// @file
/// The privileged process that makes workers, and the host's way to talk to it.
///
/// `perilune serve` calls `Launcher::fork_host()` first thing, while it is single-threaded: the
/// process that the operator started stays the launcher, the host is its child. The launcher does
/// what needs privileges (namespaces, uids, cgroups), opens no network socket and runs no Lua. It
/// accepts the requests of this file only: classes from its own configuration, never a path, a uid
/// or a byte of a tenant.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/base/result.hpp"
#include "runtime/base/unique_fd.hpp"
#include "runtime/base/units.hpp"
#include "sandbox/level.hpp"

namespace perilune::sandbox {

/// What a worker is allowed; the launcher derives rlimits, cgroup and filter from it.
struct WorkerClass {
  bool jit = false;
  bool throw_away = false;      ///< for uploads: tighter CPU and no second life
  std::uint8_t links = 1;       ///< request links, one per gateway thread (1...16)
  std::uint8_t threads = 1;     ///< worker threads (1...64)
  Bytes memory{256ULL << 20U};  ///< worker memory; address space is derived from it
};

struct LauncherConfig {
  std::string worker_path;       ///< perilune-worker; opened once
  Level required = Level::Full;  ///< workers below this are killed and never handed out
  std::uint32_t max_workers = 1000;
  std::uint32_t spawns_per_second = 200;
  std::string cgroup_parent;        ///< version 2 group; empty: own cgroup, if writable
  uid_t first_worker_uid = 200000;  ///< root launcher: worker uid = this + slot
  std::chrono::milliseconds start_timeout{2000};  ///< for a worker to be locked down
};

/// A worker that is locked down and waits for its first frame.
struct SpawnedWorker {
  std::uint32_t slot = 0;
  pid_t pid = -1;
  UniqueFd pidfd;
  UniqueFd control;             ///< host's end of the control link, non-blocking
  std::vector<UniqueFd> links;  ///< host's ends of the request links, non-blocking
  Layers layers;                ///< measured from outside
  Level level = Level::None;
  std::string memory_file;  ///< cgroup's usage file, or empty
};

struct SpawnFailed {
  /// A step of the worker's start (sandbox/step.hpp), or the launcher's own: "class", "rate",
  /// "max_workers", "cgroup", "clone", "timeout", "died", "measure", "level".
  std::string step;
  int error = 0;  ///< errno of the step, or 0
  std::string detail;
};

struct WorkerExited {
  std::uint32_t slot = 0;
  pid_t pid = -1;
  int status = 0;              ///< as waitpid gives it
  bool memory_killed = false;  ///< the cgroup's out-of-memory counter went up
};

/// One message from the launcher.
struct LauncherEvent {
  enum class Kind : std::uint8_t { Spawned, SpawnFailed, Exited, Probed } kind = Kind::Exited;
  std::uint32_t request = 0;  ///< id of the request that this answers (not Exited)
  SpawnedWorker spawned;
  SpawnFailed failed;
  WorkerExited exited;
  std::vector<LayerFinding> findings;
};

/// The host's end. All calls are non-blocking; `fd()` is readable when an event is there.
/// If the launcher is gone `receive` fails with `launcher_gone`: the host must stop. `receive`
/// fails with `protocol_error` on a datagram that no launcher sends. One thread at a time.
class LauncherClient {
 public:
  explicit LauncherClient(UniqueFd channel) noexcept : channel_{std::move(channel)} {}
  [[nodiscard]] int fd() const noexcept { return channel_.get(); }
  /// Returns the request's id, or `would_block` / `launcher_gone`.
  [[nodiscard]] Result<std::uint32_t> spawn(const WorkerClass& worker_class);
  /// SIGKILL to the worker that was spawned with this slot and pid. Its Exited event follows, or is
  /// on the way already: then nothing happens, whoever has the slot by now.
  [[nodiscard]] Result<void> kill(std::uint32_t slot, pid_t pid);
  [[nodiscard]] Result<std::uint32_t> probe();
  /// The next event, or nothing when there is none now.
  [[nodiscard]] Result<std::optional<LauncherEvent>> receive();

 private:
  UniqueFd channel_;
  std::uint32_t next_request_ = 1;
};

/// Forks: returns the client in the child (the host). In the parent it runs the launcher until the
/// host has exited, kills what is left of the workers, and then ends the process with the host's
/// exit status (128 + signal if one ended it). SIGTERM, SIGINT, SIGHUP and SIGQUIT are forwarded to
/// the host, except those that a terminal has sent to it already. The host dies with the launcher,
/// unless it changes its uid without setting PR_SET_PDEATHSIG again.
///
/// Before the host goes on, the launcher starts one worker, measures it and kills it. If that does
/// not reach `config.required`, or anything that it needs is missing, the host never returns from
/// the fork and the parent gets `sandbox_unavailable`: detail names the step or each missing layer.
/// The calling process must be single-threaded.
[[nodiscard]] Result<LauncherClient> fork_host(const LauncherConfig& config);

/// Tries every layer on this machine in throw-away children, as `perilune doctor` shows it.
[[nodiscard]] std::vector<LayerFinding> probe(const LauncherConfig& config);

}  // namespace perilune::sandbox
