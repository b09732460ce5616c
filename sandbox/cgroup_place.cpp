#include <sstream>
#include <vector>

#include "sandbox/cgroup.hpp"

namespace perilune::sandbox {
namespace {

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::istringstream stream{text};
  for (std::string part; std::getline(stream, part, by);) parts.push_back(part);
  return parts;
}

bool lists(const std::string& commas, const std::string& word) {
  for (const std::string& part : split(commas, ',')) {
    if (part == word) return true;
  }
  return false;
}

/// Our group's path in the hierarchy of `controller` (empty: the unified one), if there is one.
std::optional<std::string> own_path(const std::string& own, const std::string& controller) {
  for (const std::string& line : split(own, '\n')) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (controller.empty() ? controllers.empty() : lists(controllers, controller)) {
      return line.substr(second + 1);
    }
  }
  return std::nullopt;
}

struct Mount {
  std::string root;
  std::string place;
};

/// The first mount of that hierarchy.
std::optional<Mount> find_mount(const std::string& mountinfo, const std::string& controller) {
  for (const std::string& line : split(mountinfo, '\n')) {
    const auto dash = line.find(" - ");
    if (dash == std::string::npos) continue;
    const auto left = split(line.substr(0, dash), ' ');
    const auto right = split(line.substr(dash + 3), ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    const bool match = controller.empty() ? right[0] == "cgroup2"
                                          : right[0] == "cgroup" && lists(right[2], controller);
    if (match) return Mount{left[3], left[4]};
  }
  return std::nullopt;
}

/// Our own group as a directory. In a container the mount may show a part of the hierarchy only.
std::string directory(const std::string& mountinfo, const std::string& own,
                      const std::string& controller) {
  const auto path = own_path(own, controller);
  const auto mount = find_mount(mountinfo, controller);
  if (!path || !mount) return {};
  std::string below = *path;
  if (mount->root != "/") {
    below = path->starts_with(mount->root) ? path->substr(mount->root.size()) : std::string{};
  }
  while (below.ends_with('/')) below.pop_back();
  return mount->place + below;
}

}  // namespace

CgroupPlace find_cgroups(const std::string& mountinfo, const std::string& own) {
  CgroupPlace place;
  place.memory = directory(mountinfo, own, "memory");
  place.pids = directory(mountinfo, own, "pids");
  if (!place.memory.empty() || !place.pids.empty()) return place;
  place.memory = directory(mountinfo, own, "");
  place.pids = place.memory;
  place.unified = !place.memory.empty();
  return place;
}

}  // namespace perilune::sandbox
