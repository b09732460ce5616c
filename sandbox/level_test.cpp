#include "sandbox/level.hpp"

#include <catch2/catch.hpp>

#include "sandbox/cgroup.hpp"
#include "sandbox/doctor.hpp"
#include "sandbox/launcher.hpp"
#include "sandbox/step.hpp"

using namespace perilune::sandbox;

namespace {

Layers all_layers() { return Layers{(1U << kLayerCount) - 1}; }

Layers without(std::initializer_list<Layer> gone) {
  Layers layers = all_layers();
  for (const Layer layer : gone) layers.remove(layer);
  return layers;
}

}  // namespace

TEST_CASE("each missing layer lowers the level to where it is not needed") {
  CHECK(level_of(all_layers()) == Level::Full);
  CHECK(level_of(without({Layer::Mdwe})) == Level::Full);
  CHECK(level_of(without({Layer::CgroupMemory})) == Level::Strong);
  CHECK(level_of(without({Layer::CgroupPids})) == Level::Strong);
  for (const Layer layer : {Layer::PidNamespace, Layer::MountNamespace, Layer::NetNamespace,
                            Layer::IpcNamespace, Layer::UtsNamespace, Layer::CgroupNamespace}) {
    CHECK(level_of(without({layer})) == Level::Jail);
  }
  for (const Layer layer : {Layer::OwnUid, Layer::EmptyRoot, Layer::Landlock}) {
    CHECK(level_of(without({layer})) == Level::Filter);
  }
  for (const Layer layer :
       {Layer::Seccomp, Layer::NoNewPrivileges, Layer::NoCapabilities, Layer::Rlimits}) {
    CHECK(level_of(without({layer})) == Level::None);
  }
}

TEST_CASE("what is missing for a level is named") {
  CHECK(missing_for(Level::Full, all_layers()).empty());
  const auto missing = missing_for(Level::Full, without({Layer::NetNamespace, Layer::CgroupPids}));
  CHECK(missing == std::vector{Layer::NetNamespace, Layer::CgroupPids});
  CHECK(missing_for(Level::None, Layers{}).empty());
}

TEST_CASE("levels and steps are read back from their names") {
  for (const Level level : {Level::Filter, Level::Jail, Level::Strong, Level::Full}) {
    CHECK(parse_level(name(level)) == level);
  }
  CHECK_FALSE(parse_level("none"));
  CHECK_FALSE(parse_level("Full"));
  CHECK_FALSE(parse_level(""));
  for (std::size_t i = 1; i < kStepCount; ++i) {
    CHECK(parse_step(name(static_cast<Step>(i))) == static_cast<Step>(i));
  }
  CHECK(parse_step("nonsense") == Step::None);
}

TEST_CASE("the doctor names what is missing, why, and what to change") {
  std::vector<LayerFinding> findings;
  for (std::size_t i = 0; i < kLayerCount; ++i)
    findings.push_back({static_cast<Layer>(i), true, "", ""});
  CHECK_THAT(render_doctor(findings, Level::Full), Catch::Contains("Isolation level: full"));
  CHECK_THAT(render_doctor(findings, Level::Full), !Catch::Contains("missing"));
  findings[static_cast<std::size_t>(Layer::NetNamespace)] = {
      Layer::NetNamespace, false, "unshare(CLONE_NEWNET): Operation not permitted (1)", "allow it"};
  const std::string text = render_doctor(findings, Level::Full);
  CHECK_THAT(text, Catch::Contains("net namespace         missing"));
  CHECK_THAT(text, Catch::Contains("why:    unshare(CLONE_NEWNET): Operation not permitted (1)"));
  CHECK_THAT(text, Catch::Contains("change: allow it"));
  CHECK_THAT(text, Catch::Contains("Isolation level: jail"));
  CHECK_THAT(text, Catch::Contains("The next level, strong needs: net namespace"));
  CHECK_THAT(text, Catch::Contains("--require-sandbox jail"));
}

TEST_CASE("the probe looks at every layer once, in order") {
  const auto findings = probe(LauncherConfig{});
  REQUIRE(findings.size() == kLayerCount);
  for (std::size_t i = 0; i < kLayerCount; ++i) {
    CHECK(static_cast<std::size_t>(findings[i].layer) == i);
    CHECK(findings[i].works == findings[i].why.empty());
    CHECK(findings[i].works == findings[i].advice.empty());
  }
}

TEST_CASE("our own control groups are found in versions 1 and 2, and inside a container") {
  const CgroupPlace one = find_cgroups(
      "31 30 0:27 / /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n"
      "32 30 0:28 / /sys/fs/cgroup/pids rw shared:9 - cgroup cgroup rw,pids\n"
      "33 30 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
      "8:pids:/\n4:memory:/a/b\n0::/x\n");
  CHECK(one.memory == "/sys/fs/cgroup/memory/a/b");
  CHECK(one.pids == "/sys/fs/cgroup/pids");
  CHECK_FALSE(one.unified);
  const CgroupPlace two = find_cgroups("30 29 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
                                       "0::/system.slice/perilune.service\n");
  CHECK(two.memory == "/sys/fs/cgroup/system.slice/perilune.service");
  CHECK(two.pids == two.memory);
  CHECK(two.unified);
  const CgroupPlace inside =
      find_cgroups("30 29 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n",
                   "4:memory:/docker/abc/x\n");
  CHECK(inside.memory == "/sys/fs/cgroup/memory/x");
  CHECK(find_cgroups("", "").memory.empty());
  CHECK(find_cgroups("garbage\n1 2 - \n", "::\n:\n\n").memory.empty());
}
