#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <catch2/catch.hpp>

#include <cstdlib>
#include <memory>

#include "sandbox/cgroup.hpp"
#include "sandbox/measure.hpp"
#include "sandbox/step.hpp"
#include "sandbox/testing/harness.hpp"
#include "sandbox/text_file.hpp"

using namespace perilune;
using namespace perilune::sandbox;
using namespace perilune::sandbox::testing;
using Kind = LauncherEvent::Kind;

#define NEEDS_WORKER                                                       \
  if (worker_path().empty()) {                                             \
    WARN("SKIPPED: no test worker in this build (sanitizers exclude it)"); \
    return;                                                                \
  }

namespace {

std::size_t entries_of(const std::string& directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open{::opendir(directory.c_str()), ::closedir};
  std::size_t count = 0;
  while (open && ::readdir(open.get()) != nullptr) ++count;
  return count;
}

std::size_t descriptors_of(pid_t pid) { return entries_of("/proc/" + std::to_string(pid) + "/fd"); }

std::string children_of(pid_t pid) {
  const std::string path =
      "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children";
  return read_text(path).value_or("?");
}

/// Groups below the launcher's own ones, and the launcher's themselves.
std::size_t groups_of(pid_t launcher) {
  const CgroupPlace place = find_cgroups(read_text("/proc/self/mountinfo").value_or(""),
                                         read_text("/proc/self/cgroup").value_or(""));
  const std::string ours = "/perilune-" + std::to_string(launcher);
  std::size_t count = 0;
  for (const std::string& base : {place.memory, place.pids}) {
    const std::unique_ptr<DIR, int (*)(DIR*)> open{::opendir((base + ours).c_str()), ::closedir};
    if (!open) continue;
    ++count;
    while (const dirent* entry = ::readdir(open.get())) {
      if (entry->d_type == DT_DIR && entry->d_name[0] == 'w') ++count;
    }
  }
  return count;
}

[[maybe_unused]] void fail_from_the_second_worker_on(const std::string& step) {
  ::setenv("PERILUNE_FAIL_STEP", (step + "@2").c_str(), 1);
}

}  // namespace

TEST_CASE("200 starts and ends leave no descriptor, process or group behind") {
  NEEDS_WORKER
  LauncherConfig config = test_config(Level::Filter);
  config.spawns_per_second = 1000;
  TestLauncher launcher{config};
  INFO(launcher.failure());
  REQUIRE(launcher.started());
  const std::size_t before = descriptors_of(launcher.launcher());
  const std::size_t here = descriptors_of(::getpid());
  const std::size_t groups = groups_of(launcher.launcher());
  for (int i = 0; i < 200; ++i) {
    const LauncherEvent event = launcher.spawn({.links = 3});
    INFO(i << " " << event.failed.step << ": " << event.failed.detail);
    REQUIRE(event.kind == Kind::Spawned);
    if (i % 2 == 0) {
      REQUIRE(launcher.client().kill(event.spawned.slot, event.spawned.pid).has_value());
    } else {
      CHECK(tell(event.spawned, Order::Exit, 0) == std::nullopt);
    }
    const auto exited = launcher.next_event();
    REQUIRE(exited);
    CHECK(exited->kind == Kind::Exited);
    CHECK(exited->exited.slot == event.spawned.slot);
  }
  CHECK(eventually([&] { return groups_of(launcher.launcher()) == groups; }));
  CHECK(eventually([&] { return descriptors_of(launcher.launcher()) == before; }));
  CHECK(descriptors_of(::getpid()) == here);
  CHECK(children_of(launcher.launcher()) == std::to_string(launcher.host()) + " ");
  const pid_t pid = launcher.launcher();
  CHECK(WEXITSTATUS(launcher.finish(0)) == 0);
  CHECK(groups_of(pid) == 0);
}

TEST_CASE("several starts may be under way, up to max_workers and not one more") {
  NEEDS_WORKER
  LauncherConfig config = test_config(Level::Filter);
  config.max_workers = 5;
  TestLauncher launcher{config};
  REQUIRE(launcher.started());
  for (int i = 0; i < 6; ++i) REQUIRE(launcher.client().spawn({}).has_value());
  std::vector<LauncherEvent> spawned;
  std::vector<LauncherEvent> refused;
  for (int i = 0; i < 6; ++i) {
    auto event = launcher.next_event();
    REQUIRE(event);
    (event->kind == Kind::Spawned ? spawned : refused).push_back(std::move(*event));
  }
  CHECK(spawned.size() == 5);
  REQUIRE(refused.size() == 1);
  CHECK(refused[0].failed.step == "max_workers");
  const auto& first = spawned[0].spawned;
  REQUIRE(launcher.client().kill(first.slot, first.pid).has_value());
  REQUIRE(launcher.next_event()->kind == Kind::Exited);
  CHECK(launcher.spawn().kind == Kind::Spawned);
}

TEST_CASE("a kill that comes late does not hit the worker that has the slot by now") {
  NEEDS_WORKER
  LauncherConfig config = test_config(Level::Filter);
  config.max_workers = 1;
  TestLauncher launcher{config};
  REQUIRE(launcher.started());
  const LauncherEvent first = launcher.spawn();
  REQUIRE(first.kind == Kind::Spawned);
  CHECK(tell(first.spawned, Order::Exit, 0) == std::nullopt);
  REQUIRE(eventually([&] { return is_gone(first.spawned.pid); }));
  // Its Exited event is not read yet: for the host the slot is still the first worker's.
  REQUIRE(launcher.client().spawn({}).has_value());
  REQUIRE(launcher.client().kill(first.spawned.slot, first.spawned.pid).has_value());
  const auto exited = launcher.next_event();
  REQUIRE((exited && exited->kind == Kind::Exited));
  CHECK(exited->exited.pid == first.spawned.pid);
  const auto second = launcher.next_event();
  REQUIRE((second && second->kind == Kind::Spawned));
  CHECK(second->spawned.slot == first.spawned.slot);
  REQUIRE(launcher.client().kill(first.spawned.slot, first.spawned.pid).has_value());
  CHECK(tell(second->spawned, Order::Ping) == 1);
  REQUIRE(launcher.client().kill(second->spawned.slot, second->spawned.pid).has_value());
  const auto last = launcher.next_event();
  REQUIRE((last && last->kind == Kind::Exited));
  CHECK(last->exited.pid == second->spawned.pid);
}

TEST_CASE("starts above the rate are refused") {
  NEEDS_WORKER
  LauncherConfig config = test_config(Level::Filter);
  config.spawns_per_second = 3;
  TestLauncher launcher{config};
  REQUIRE(launcher.started());
  int refused = 0;
  for (int i = 0; i < 8; ++i) REQUIRE(launcher.client().spawn({}).has_value());
  std::vector<LauncherEvent> kept;
  for (int i = 0; i < 8; ++i) {
    auto event = launcher.next_event();
    REQUIRE(event);
    if (event->kind == Kind::SpawnFailed && event->failed.step == "rate") ++refused;
    kept.push_back(std::move(*event));
  }
  CHECK(refused >= 1);
  CHECK(refused <= 5);
}

TEST_CASE("a class outside of its bounds is refused, the one on the bound is not") {
  NEEDS_WORKER
  TestLauncher launcher{test_config(Level::Filter)};
  REQUIRE(launcher.started());
  for (const WorkerClass& good :
       {WorkerClass{.links = 16}, WorkerClass{.memory = Bytes{8ULL << 20U}},
        WorkerClass{.threads = 64}}) {
    const LauncherEvent event = launcher.spawn(good);
    INFO(event.failed.step << ": " << event.failed.detail);
    CHECK(event.kind == Kind::Spawned);
    CHECK(event.spawned.links.size() == good.links);
  }
  for (const WorkerClass& bad :
       {WorkerClass{.links = 17}, WorkerClass{.links = 0}, WorkerClass{.threads = 65},
        WorkerClass{.threads = 0}, WorkerClass{.memory = Bytes{(8ULL << 20U) - 1}}}) {
    const LauncherEvent event = launcher.spawn(bad);
    CHECK(event.kind == Kind::SpawnFailed);
    CHECK(event.failed.step == "class");
  }
}

TEST_CASE("a program that does not lock itself down is no worker") {
  LauncherConfig config = test_config(Level::Filter);
  config.start_timeout = std::chrono::milliseconds{300};
  config.worker_path = "/bin/sleep";  // fails: no arguments, and no libraries in an empty root
  const TestLauncher launcher{config};
  CHECK_FALSE(launcher.started());
  CHECK_THAT(launcher.failure(),
             Catch::Contains("died") || Catch::Contains("timeout") || Catch::Contains("exec"));
}

TEST_CASE("the probe is answered with a finding for each layer") {
  NEEDS_WORKER
  TestLauncher launcher{test_config(Level::Filter)};
  REQUIRE(launcher.started());
  const auto request = launcher.client().probe();
  REQUIRE(request.has_value());
  const auto event = launcher.next_event();
  REQUIRE(event);
  CHECK(event->kind == Kind::Probed);
  CHECK(event->request == *request);
  CHECK(event->findings.size() == kLayerCount);
}

#ifdef PERILUNE_FAULT_INJECTION
TEST_CASE("whatever step fails, no worker comes of it and the step is named") {
  NEEDS_WORKER
  for (std::size_t i = 1; i < kStepCount; ++i) {
    const std::string step{name(static_cast<Step>(i))};
    CAPTURE(step);
    TestLauncher launcher{test_config(Level::Filter),
                          [&] { fail_from_the_second_worker_on(step); }};
    REQUIRE(launcher.started());
    const LauncherEvent event = launcher.spawn();
    if (event.kind == Kind::Spawned && (step == "root" || step.starts_with("setns") ||
                                        step == "cgroup_namespace" || step == "landlock")) {
      WARN("SKIPPED: this machine's plan has no step " << step);
      continue;
    }
    CHECK(event.kind == Kind::SpawnFailed);
    CHECK(event.failed.step == step);
    CHECK(event.failed.error == EIO);
    CHECK(eventually(
        [&] { return children_of(launcher.launcher()) == std::to_string(launcher.host()) + " "; }));
  }
}

TEST_CASE("a step that fails at the start keeps the host from starting") {
  NEEDS_WORKER
  const TestLauncher launcher{test_config(Level::Filter),
                              [] { ::setenv("PERILUNE_FAIL_STEP", "seccomp", 1); }};
  CHECK_FALSE(launcher.started());
  CHECK_THAT(launcher.failure(), Catch::Contains("seccomp"));
}
#endif
