#include "sandbox/measure.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <sstream>

#include "sandbox/rlimits.hpp"
#include "sandbox/text_file.hpp"

namespace perilune::sandbox {
namespace {

struct NamespaceFile {
  const char* file;
  Layer layer;
  bool Plan::*planned;
};
constexpr std::array<NamespaceFile, 7> kNamespaceFiles{{
    {"user", Layer::OwnUid, &Plan::user_namespace},
    {"pid", Layer::PidNamespace, &Plan::pid_namespace},
    {"mnt", Layer::MountNamespace, &Plan::mount_namespace},
    {"net", Layer::NetNamespace, &Plan::net_namespace},
    {"ipc", Layer::IpcNamespace, &Plan::ipc_namespace},
    {"uts", Layer::UtsNamespace, &Plan::uts_namespace},
    {"cgroup", Layer::CgroupNamespace, &Plan::cgroup_namespace},
}};

std::string link_of(const std::string& path) {
  std::array<char, 128> text{};
  const ssize_t size = ::readlink(path.c_str(), text.data(), text.size());
  return size < 0 ? std::string{} : std::string{text.data(), static_cast<std::size_t>(size)};
}

bool denied() { return errno == EACCES || errno == EPERM; }

Failure differs(std::string what) { return {"not_as_expected", std::move(what)}; }

bool is_zero(const std::string& hex) {
  return !hex.empty() && hex.find_first_not_of('0') == std::string::npos;
}

/// "200001\t200001\t200001\t200001": all four the same.
bool all_are(const std::string& ids, unsigned long wanted) {
  std::istringstream stream{ids};
  int count = 0;
  for (unsigned long id = 0; stream >> id; ++count) {
    if (id != wanted) return false;
  }
  return count == 4;
}

Result<void> check_status(const std::string& status, const Expected& expected, Layers& layers) {
  if (expected.plan.as_root) {
    if (!all_are(status_value(status, "Uid"), expected.uid) ||
        !all_are(status_value(status, "Gid"), expected.uid)) {
      return differs("uid and gid are not " + std::to_string(expected.uid));
    }
    layers.add(Layer::OwnUid);
  }
  const bool no_capabilities =
      std::ranges::all_of(std::array{"CapInh", "CapPrm", "CapEff", "CapAmb"},
                          [&](const char* set) { return is_zero(status_value(status, set)); });
  if (!no_capabilities) return differs("capabilities are left");
  layers.add(Layer::NoCapabilities);
  if (status_value(status, "NoNewPrivs") == "1") layers.add(Layer::NoNewPrivileges);
  if (status_value(status, "Seccomp") == "2") layers.add(Layer::Seccomp);
  return {};
}

bool line_holds(const std::string& text, std::string_view label, rlim_t value) {
  const auto at = text.find(label);
  if (at == std::string::npos) return false;
  std::istringstream rest{text.substr(at + label.size(), 80)};
  rlim_t soft = RLIM_INFINITY;
  rlim_t hard = RLIM_INFINITY;
  return rest >> soft >> hard && soft <= value && hard <= value;
}

Result<void> check_limits(const std::string& proc, const Expected& expected, Layers& layers) {
  const auto text = read_text(proc + "/limits");
  if (!text) return system_failure("read " + proc + "/limits", errno);
  auto wanted = limits_for(expected.worker);
  wanted.push_back(kNoMoreTasks);
  for (const ResourceLimit& limit : wanted) {
    if (!line_holds(*text, limit.label, limit.value)) {
      return differs("limit is missing: " + std::string{limit.label});
    }
  }
  layers.add(Layer::Rlimits);
  return {};
}

Result<void> check_namespaces(const std::string& proc, const Expected& expected, Layers& layers) {
  for (std::size_t i = 0; i < kNamespaceFiles.size(); ++i) {
    const NamespaceFile& kind = kNamespaceFiles[i];
    const std::string link = link_of(proc + "/ns/" + kind.file);
    if (link.empty()) {
      if (!denied()) return system_failure("read " + proc + "/ns/" + kind.file, errno);
      if (expected.plan.*kind.planned) layers.add(kind.layer);
      continue;
    }
    const bool other = link != expected.outside.links[i];
    if (other) layers.add(kind.layer);
    if (!other && expected.plan.*kind.planned) {
      return differs("still in the launcher's namespace: " + std::string{kind.file});
    }
  }
  return {};
}

Result<void> check_root(const std::string& proc, const Expected& expected, Layers& layers) {
  if (expected.plan.root == RootKind::None) return {};
  const std::string root = proc + "/root/";
  const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir(root.c_str()), ::closedir};
  if (!directory) {
    if (!denied()) return system_failure("open " + root, errno);
    layers.add(Layer::EmptyRoot);
    return {};
  }
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string_view name{static_cast<const char*>(entry->d_name)};
    if (name != "." && name != "..") return differs("the root holds " + std::string{name});
  }
  layers.add(Layer::EmptyRoot);
  return {};
}

bool may_be_open(int number, const std::string& target, const WorkerClass& worker) {
  if (number <= 2) return target == "/dev/null";
  if (number <= 3 + worker.links) return target.starts_with("socket:[");
  return target == "anon_inode:[eventpoll]" || target == "anon_inode:[eventfd]" ||
         target == "anon_inode:[timerfd]" || target == "anon_inode:[signalfd]";
}

Result<void> check_descriptors(const std::string& proc, const Expected& expected) {
  const std::string path = proc + "/fd";
  const std::unique_ptr<DIR, int (*)(DIR*)> directory{::opendir(path.c_str()), ::closedir};
  if (!directory) {
    if (denied()) return {};
    return system_failure("open " + path, errno);
  }
  int known = 0;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name{static_cast<const char*>(entry->d_name)};
    if (name == "." || name == "..") continue;
    const int number = std::atoi(name.c_str());
    std::string target = link_of(path + "/" + name);
    if (target.starts_with("/") && target.ends_with("/null")) target = "/dev/null";
    if (!may_be_open(number, target, expected.worker)) {
      return differs("descriptor " + name + " is " + target);
    }
    if (number <= 3 + expected.worker.links) ++known;
  }
  if (known != 4 + expected.worker.links) return differs("a descriptor is missing");
  return {};
}

bool is_member(const std::string& group, pid_t pid) {
  const auto members = group.empty() ? std::nullopt : read_text(group + "/cgroup.procs");
  return members && ("\n" + *members).find("\n" + std::to_string(pid) + "\n") != std::string::npos;
}

}  // namespace

OwnNamespaces own_namespaces() {
  OwnNamespaces own;
  for (std::size_t i = 0; i < kNamespaceFiles.size(); ++i) {
    own.links[i] = link_of(std::string{"/proc/self/ns/"} + kNamespaceFiles[i].file);
  }
  return own;
}

std::string status_value(const std::string& status, std::string_view key) {
  const std::string start = "\n" + std::string{key} + ":\t";
  const auto at = ("\n" + status).find(start);
  if (at == std::string::npos) return {};
  const auto from = at + start.size() - 1;
  return status.substr(from, status.find('\n', from) - from);
}

Result<Layers> measure(pid_t pid, const Expected& expected) {
  const std::string proc = "/proc/" + std::to_string(pid);
  const auto status = read_text(proc + "/status");
  if (!status) return system_failure("read " + proc + "/status", errno);
  Layers layers;
  if (auto ok = check_status(*status, expected, layers); !ok) return ok.error();
  if (auto ok = check_limits(proc, expected, layers); !ok) return ok.error();
  if (auto ok = check_namespaces(proc, expected, layers); !ok) return ok.error();
  if (auto ok = check_root(proc, expected, layers); !ok) return ok.error();
  if (auto ok = check_descriptors(proc, expected); !ok) return ok.error();
  if (is_member(expected.group.memory, pid)) layers.add(Layer::CgroupMemory);
  if (is_member(expected.group.pids, pid)) layers.add(Layer::CgroupPids);
  return layers;
}

}  // namespace perilune::sandbox
