#include "sandbox/level.hpp"

#include <initializer_list>

namespace perilune::sandbox {
namespace {

constexpr std::array<std::string_view, kLayerCount> kLayerNames{"own uid",
                                                                "pid namespace",
                                                                "mount namespace",
                                                                "net namespace",
                                                                "ipc namespace",
                                                                "uts namespace",
                                                                "cgroup namespace",
                                                                "empty root",
                                                                "no capabilities",
                                                                "no new privileges",
                                                                "rlimits",
                                                                "landlock",
                                                                "mdwe",
                                                                "seccomp",
                                                                "cgroup memory limit",
                                                                "cgroup pids limit"};

constexpr std::array<std::string_view, 5> kLevelNames{"none", "filter", "jail", "strong", "full"};

constexpr Layers set_of(std::initializer_list<Layer> layers) {
  Layers set;
  for (const Layer layer : layers) set.add(layer);
  return set;
}

constexpr Layers joined(Layers a, Layers b) { return Layers{a.bits() | b.bits()}; }

// Mdwe is in no level: Linux has it since 6.3 only, and the filter refuses executable memory with
// or without it (docs/decisions/0004-levels-without-mdwe.md).
constexpr Layers kFilter =
    set_of({Layer::NoCapabilities, Layer::NoNewPrivileges, Layer::Rlimits, Layer::Seccomp});
constexpr Layers kJail =
    joined(kFilter, set_of({Layer::OwnUid, Layer::EmptyRoot, Layer::Landlock}));
constexpr Layers kStrong =
    joined(kJail, set_of({Layer::PidNamespace, Layer::MountNamespace, Layer::NetNamespace,
                          Layer::IpcNamespace, Layer::UtsNamespace, Layer::CgroupNamespace}));
constexpr Layers kFull = joined(kStrong, set_of({Layer::CgroupMemory, Layer::CgroupPids}));

Layers needed(Level level) noexcept {
  switch (level) {
    case Level::None: return Layers{};
    case Level::Filter: return kFilter;
    case Level::Jail: return kJail;
    case Level::Strong: return kStrong;
    case Level::Full: return kFull;
  }
  return kFull;
}

}  // namespace

std::string_view name(Layer layer) noexcept {
  const auto index = static_cast<std::size_t>(layer);
  return index < kLayerCount ? kLayerNames[index] : "unknown";
}

std::string_view name(Level level) noexcept {
  const auto index = static_cast<std::size_t>(level);
  return index < kLevelNames.size() ? kLevelNames[index] : "unknown";
}

std::optional<Level> parse_level(std::string_view text) noexcept {
  for (std::size_t i = 1; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == text) return static_cast<Level>(i);
  }
  return std::nullopt;
}

Level level_of(Layers layers) noexcept {
  for (const Level level : {Level::Full, Level::Strong, Level::Jail, Level::Filter}) {
    if ((needed(level).bits() & ~layers.bits()) == 0) return level;
  }
  return Level::None;
}

std::vector<Layer> missing_for(Level level, Layers layers) {
  std::vector<Layer> missing;
  const Layers lacking{needed(level).bits() & ~layers.bits()};
  for (std::size_t i = 0; i < kLayerCount; ++i) {
    if (lacking.has(static_cast<Layer>(i))) missing.push_back(static_cast<Layer>(i));
  }
  return missing;
}

}  // namespace perilune::sandbox
