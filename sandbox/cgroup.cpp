#include "sandbox/cgroup.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <vector>

#include "sandbox/text_file.hpp"

namespace perilune::sandbox {
namespace {

constexpr std::string_view kPrefix = "perilune-";
constexpr std::string_view kControllers = "+memory +pids";
// What the kernel charges beside the worker's own pages: page tables, stacks, socket buffers.
constexpr std::uint64_t kKernelShare = 16ULL << 20U;

std::vector<std::string> children(const std::string& directory) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open{::opendir(directory.c_str()), ::closedir};
  if (!open) return names;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string name{static_cast<const char*>(entry->d_name)};
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.push_back(name);
  }
  return names;
}

/// Newer kernels take a process out of its group only after its parent has heard of its end.
bool remove_patiently(const std::string& directory) {
  for (int tries = 0; tries < 200; ++tries) {
    if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) return true;
    if (errno != EBUSY) return false;
    (void)::usleep(1000);
  }
  return false;
}

void remove_tree(const std::string& directory) {
  for (const std::string& child : children(directory)) {
    (void)remove_patiently(directory + "/" + child);
  }
  (void)remove_patiently(directory);
}

/// Groups whose launcher is gone (it was killed) are empty by now.
void sweep(const std::string& own) {
  for (const std::string& child : children(own)) {
    if (!child.starts_with(kPrefix)) continue;
    const pid_t launcher = std::atoi(child.c_str() + kPrefix.size());
    const bool gone = launcher > 0 && ::kill(launcher, 0) != 0 && errno == ESRCH;
    if (gone) remove_tree(own + "/" + child);
  }
}

std::string problem(const std::string& what, int error) {
  return system_failure(what, error).detail;
}

/// A directory of ours below `own` in which `file` of a group can be written.
std::string prepare(const std::string& own, const std::string& file, const std::string& value,
                    bool unified, std::string& why) {
  if (own.empty()) {
    why = "no such controller is mounted";
    return {};
  }
  sweep(own);
  std::string ours = own + "/" + std::string{kPrefix} + std::to_string(::getpid());
  if (::mkdir(ours.c_str(), 0755) != 0 && errno != EEXIST) {
    why = problem("mkdir " + ours, errno);
    return {};
  }
  if (unified && write_text(ours + "/cgroup.subtree_control", kControllers) != 0) {
    why = problem("write " + ours + "/cgroup.subtree_control", errno);
    (void)::rmdir(ours.c_str());
    return {};
  }
  const std::string test = ours + "/test";
  if ((::mkdir(test.c_str(), 0755) != 0 && errno != EEXIST) ||
      write_text(test + "/" + file, value) != 0) {
    why = problem("write " + test + "/" + file, errno);
  }
  (void)::rmdir(test.c_str());
  if (why.empty()) return ours;
  (void)::rmdir(ours.c_str());
  return {};
}

/// Version 2 hands controllers down only from groups without processes: ours move aside.
std::string delegate(const std::string& own, pid_t also, bool may_move) {
  const auto available = read_text(own + "/cgroup.controllers");
  if (!available) return problem("read " + own + "/cgroup.controllers", errno);
  for (const char* controller : {"memory", "pids"}) {
    if (available->find(controller) == std::string::npos) {
      return std::string{"the controller "} + controller + " is not delegated to " + own;
    }
  }
  if (write_text(own + "/cgroup.subtree_control", kControllers) == 0) return {};
  // Busy: our own processes are in the way, and could move.
  if (!may_move) return errno == EBUSY ? "" : problem("write " + own, errno);
  const std::string aside = own + "/perilune-supervisor";
  if (::mkdir(aside.c_str(), 0755) != 0 && errno != EEXIST) return problem("mkdir " + aside, errno);
  if (write_text(aside + "/cgroup.procs", "0") != 0 ||
      (also > 0 && write_text(aside + "/cgroup.procs", std::to_string(also)) != 0)) {
    return problem("move into " + aside, errno);
  }
  if (write_text(own + "/cgroup.subtree_control", kControllers) == 0) return {};
  return problem("write " + own + "/cgroup.subtree_control", errno);
}

CgroupPlace place_of(const std::string& parent) {
  if (!parent.empty()) return {parent, parent, true};
  return find_cgroups(read_text("/proc/self/mountinfo").value_or(""),
                      read_text("/proc/self/cgroup").value_or(""));
}

Result<UniqueFd> make_group(const std::string& path, const std::string& file, std::uint64_t limit) {
  (void)remove_patiently(path);  // what the slot's last worker left, if it was slow to go
  if (::mkdir(path.c_str(), 0755) != 0) return system_failure("mkdir " + path, errno);
  if (write_text(path + "/" + file, std::to_string(limit)) != 0) {
    return system_failure("write " + path + "/" + file, errno);
  }
  const std::string procs = path + "/cgroup.procs";
  UniqueFd opened{::open(procs.c_str(), O_WRONLY | O_CLOEXEC)};
  if (!opened) return system_failure("open " + procs, errno);
  return opened;
}

}  // namespace

std::string WorkerCgroup::usage_file(bool unified) const {
  if (memory.empty()) return {};
  return memory + (unified ? "/memory.current" : "/memory.usage_in_bytes");
}

bool WorkerCgroup::memory_killed(bool unified) const {
  if (memory.empty()) return false;
  const auto text = read_text(memory + (unified ? "/memory.events" : "/memory.oom_control"));
  const auto at = text ? text->find("oom_kill ") : std::string::npos;
  return at != std::string::npos && std::strtoull(text->c_str() + at + 9, nullptr, 10) > 0;
}

CgroupProblems probe_cgroups(const std::string& parent) {
  const CgroupPlace place = place_of(parent);
  if (place.unified) {
    const std::string why = delegate(place.memory, 0, false);
    return {why, why};
  }
  Cgroups groups = Cgroups::open(parent, 0);
  groups.close();
  return {groups.memory_problem(), groups.pids_problem()};
}

Cgroups Cgroups::open(const std::string& parent, pid_t also) {
  const CgroupPlace place = place_of(parent);
  Cgroups groups;
  groups.unified_ = place.unified;
  if (place.unified) {
    std::string why = delegate(place.memory, also, true);
    if (!why.empty()) {
      groups.memory_problem_ = groups.pids_problem_ = std::move(why);
      return groups;
    }
  }
  const char* const limit = place.unified ? "memory.max" : "memory.limit_in_bytes";
  groups.memory_ = prepare(place.memory, limit, "67108864", place.unified, groups.memory_problem_);
  groups.pids_ = prepare(place.pids, "pids.max", "16", place.unified, groups.pids_problem_);
  return groups;
}

Result<WorkerCgroup> Cgroups::make(std::uint32_t slot, Bytes memory, unsigned tasks) const {
  WorkerCgroup group;
  const std::string name = "/w" + std::to_string(slot);
  if (!memory_.empty()) {
    group.memory = memory_ + name;
    auto made = make_group(group.memory, unified_ ? "memory.max" : "memory.limit_in_bytes",
                           memory.count + kKernelShare);
    if (!made) return made.error();
    group.memory_procs = std::move(*made);
  }
  if (pids_.empty()) return group;
  group.pids = pids_ + name;
  if (group.pids == group.memory) {
    if (write_text(group.pids + "/pids.max", std::to_string(tasks)) != 0) {
      return system_failure("write " + group.pids + "/pids.max", errno);
    }
    return group;
  }
  auto made = make_group(group.pids, "pids.max", tasks);
  if (!made) return made.error();
  group.pids_procs = std::move(*made);
  return group;
}

bool Cgroups::remove(const WorkerCgroup& group) noexcept {
  bool gone = true;
  for (const std::string* path : {&group.memory, &group.pids}) {
    if (path->empty() || ::rmdir(path->c_str()) == 0 || errno == ENOENT) continue;
    gone = false;
  }
  return gone;
}

void Cgroups::close() noexcept {
  for (const std::string* path : {&memory_, &pids_}) {
    if (!path->empty()) remove_tree(*path);
  }
}

}  // namespace perilune::sandbox
