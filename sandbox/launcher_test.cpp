#include "sandbox/launcher.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <catch2/catch.hpp>

#include "sandbox/capabilities.hpp"
#include "sandbox/measure.hpp"
#include "sandbox/testing/harness.hpp"
#include "sandbox/text_file.hpp"

using namespace perilune;
using namespace perilune::sandbox;
using namespace perilune::sandbox::testing;
using Kind = LauncherEvent::Kind;

// Workers exist in unsanitized builds only.
#define NEEDS_WORKER                                                       \
  if (worker_path().empty()) {                                             \
    WARN("SKIPPED: no test worker in this build (sanitizers exclude it)"); \
    return;                                                                \
  }

namespace {

/// The best that this machine's launcher can do for root.
Level best_level() {
  return level_of([] {
    Layers layers;
    for (const LayerFinding& finding : probe(test_config(Level::Filter))) {
      if (finding.works) layers.add(finding.layer);
    }
    return layers;
  }());
}

std::string status_of(pid_t pid) {
  return read_text("/proc/" + std::to_string(pid) + "/status").value_or("");
}

void as_user() {
  if (become(31337) != 0) ::_exit(98);
}

}  // namespace

TEST_CASE("a worker has the level that the probe promised, seen from outside") {
  NEEDS_WORKER
  const Level best = best_level();
  TestLauncher launcher{test_config(best)};
  INFO(launcher.failure());
  REQUIRE(launcher.started());
  const LauncherEvent event = launcher.spawn({.links = 2});
  INFO(event.failed.step << ": " << event.failed.detail);
  REQUIRE(event.kind == Kind::Spawned);
  CHECK(event.spawned.level == best);
  CHECK(event.spawned.links.size() == 2);
  const std::string status = status_of(event.spawned.pid);
  CHECK(status_value(status, "NoNewPrivs") == "1");
  CHECK(status_value(status, "Seccomp") == "2");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
    CHECK(status_value(status, set) == "0000000000000000");
  }
  if (::geteuid() == 0) CHECK(status_value(status, "Uid").starts_with("20000"));
  CHECK(read_text("/proc/" + std::to_string(event.spawned.pid) + "/oom_score_adj") == "900\n");
  CHECK(tell(event.spawned, Order::Ping) == 1);
  struct stat entry {};
  REQUIRE(::stat(("/proc/" + std::to_string(event.spawned.pid) + "/fd").c_str(), &entry) == 0);
  CHECK(entry.st_uid == 0);  // not dumpable
}

TEST_CASE("an unprivileged launcher reaches strong") {
  NEEDS_WORKER
  TestLauncher launcher{test_config(Level::Strong), as_user};
  INFO(launcher.failure());
  REQUIRE(launcher.started());
  const LauncherEvent event = launcher.spawn();
  INFO(event.failed.step << ": " << event.failed.detail);
  REQUIRE(event.kind == Kind::Spawned);
  CHECK(event.spawned.level >= Level::Strong);
  CHECK(tell(event.spawned, Order::Ping) == 1);
}

TEST_CASE("inside a container's profile root reaches jail and a user filter") {
  NEEDS_WORKER
  const auto as_user_in_container = [] {
    as_user();
    deny_as_a_container_would();
  };
  {
    TestLauncher launcher{test_config(Level::Jail), deny_as_a_container_would};
    INFO(launcher.failure());
    REQUIRE(launcher.started());
    const LauncherEvent event = launcher.spawn();
    INFO(event.failed.step << ": " << event.failed.detail);
    REQUIRE(event.kind == Kind::Spawned);
    CHECK(event.spawned.level == Level::Jail);
    CHECK(tell(event.spawned, Order::Ping) == 1);
  }
  TestLauncher filtered{test_config(Level::Filter), as_user_in_container};
  INFO(filtered.failure());
  REQUIRE(filtered.started());
  const LauncherEvent event = filtered.spawn();
  INFO(event.failed.step << ": " << event.failed.detail);
  REQUIRE(event.kind == Kind::Spawned);
  CHECK(event.spawned.level == Level::Filter);
  CHECK(tell(event.spawned, Order::Ping) == 1);

  const TestLauncher refused{test_config(Level::Jail), as_user_in_container};
  CHECK_FALSE(refused.started());
  CHECK_THAT(refused.failure(), Catch::Contains("level filter instead of jail"));
  CHECK_THAT(refused.failure(), Catch::Contains("own uid, empty root"));
}

TEST_CASE("a launcher without a worker program does not start") {
  LauncherConfig config = test_config(Level::Filter);
  config.worker_path = "/nonexistent/worker";
  const TestLauncher launcher{config};
  CHECK_FALSE(launcher.started());
  CHECK_THAT(launcher.failure(), Catch::Contains("/nonexistent/worker"));
}

TEST_CASE("what a worker may not do ends it, and the host hears how") {
  NEEDS_WORKER
  TestLauncher launcher{test_config(Level::Filter)};
  REQUIRE(launcher.started());
  const auto ends_by = [&](const WorkerClass& worker, const Order& order) {
    const LauncherEvent event = launcher.spawn(worker);
    INFO(event.failed.step << ": " << event.failed.detail);
    REQUIRE(event.kind == Kind::Spawned);
    CHECK(tell(event.spawned, order) == std::nullopt);
    const auto exited = launcher.next_event();
    REQUIRE(exited);
    REQUIRE(exited->kind == Kind::Exited);
    CHECK(exited->exited.slot == event.spawned.slot);
    CHECK_FALSE(exited->exited.memory_killed);
    return exited->exited.status;
  };
  for (const int number : {SYS_socket, SYS_openat, SYS_execve, SYS_clone, SYS_fork, SYS_kill,
                           SYS_prctl, SYS_mprotect, SYS_io_uring_setup, SYS_sendto, SYS_ptrace}) {
    INFO("system call " << number);
    CHECK(WTERMSIG(ends_by({}, {Order::Call, 0, number, {}})) == SIGSYS);
  }
  CHECK(WTERMSIG(ends_by({}, {Order::Call, 0, 0x40000000 + SYS_read, {}})) == SIGSYS);
  CHECK(WTERMSIG(ends_by({}, {Order::Call32, 0, 20, {}})) == SIGSYS);
  CHECK(WTERMSIG(ends_by({}, {Order::Execute, 0, 0, {}})) == SIGSYS);
  CHECK(WTERMSIG(ends_by({}, {Order::Segfault, 0, 0, {}})) == SIGSEGV);
  CHECK(WTERMSIG(ends_by({.threads = 3}, {Order::Thread, 0, 0, {}})) == SIGSYS);
  CHECK(WEXITSTATUS(ends_by({}, {Order::Exit, 0, 7, {}})) == 7);
}

TEST_CASE("only a worker with the JIT may turn a written page executable") {
  NEEDS_WORKER
  TestLauncher launcher{test_config(Level::Filter)};
  REQUIRE(launcher.started());
  const LauncherEvent event = launcher.spawn({.jit = true});
  REQUIRE(event.kind == Kind::Spawned);
  CHECK_FALSE(event.spawned.layers.has(Layer::Mdwe));
  CHECK(tell(event.spawned, Order::Execute) == 0);
  const Order all_rights{Order::Call, 0, SYS_mprotect, {0, 0, PROT_READ | PROT_WRITE | PROT_EXEC}};
  CHECK(tell(event.spawned, all_rights) == std::nullopt);
}

TEST_CASE("memory ends at the address space, or at the control group") {
  NEEDS_WORKER
  TestLauncher launcher{test_config(Level::Filter)};
  REQUIRE(launcher.started());
  const LauncherEvent event = launcher.spawn({.memory = Bytes{32ULL << 20U}});
  REQUIRE(event.kind == Kind::Spawned);
  CHECK(tell(event.spawned, {Order::Touch, 0, 0, {16ULL << 20U}}) == 0);
  CHECK(tell(event.spawned, {Order::Touch, 0, 0, {512ULL << 20U}}) == -ENOMEM);
  if (!event.spawned.layers.has(Layer::CgroupMemory)) return;
  CHECK(read_text(event.spawned.memory_file));
  CHECK(tell(event.spawned, {Order::Touch, 0, 0, {64ULL << 20U}}) == std::nullopt);
  const auto exited = launcher.next_event();
  REQUIRE(exited);
  CHECK(exited->exited.memory_killed);
  CHECK(WTERMSIG(exited->exited.status) == SIGKILL);
}

TEST_CASE("a host that exits takes its workers along and lends the launcher its status") {
  NEEDS_WORKER
  TestLauncher launcher{test_config(Level::Filter)};
  REQUIRE(launcher.started());
  const LauncherEvent event = launcher.spawn();
  REQUIRE(event.kind == Kind::Spawned);
  const int status = launcher.finish(23);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 23);
  CHECK(is_gone(event.spawned.pid));
}

TEST_CASE("kill -9 of the host or of the launcher leaves no process behind") {
  NEEDS_WORKER
  const auto victim = GENERATE(0, 1, 2);
  CAPTURE(victim);
  TestLauncher launcher{test_config(Level::Filter),
                        victim == 2 ? std::function<void()>{as_user} : nullptr};
  REQUIRE(launcher.started());
  std::vector<LauncherEvent> workers;
  for (int i = 0; i < 3; ++i) {
    workers.push_back(launcher.spawn());
    REQUIRE(workers.back().kind == Kind::Spawned);
  }
  (void)launcher.client().spawn({});  // one more is under way
  ::kill(victim == 0 ? launcher.host() : launcher.launcher(), SIGKILL);
  const int status = launcher.wait_for_launcher();
  if (victim == 0) CHECK(WEXITSTATUS(status) == 128 + SIGKILL);
  CHECK(eventually([&] { return is_gone(launcher.host()); }));
  for (const LauncherEvent& worker : workers) {
    CHECK(eventually([&] { return is_gone(worker.spawned.pid); }));
  }
}

TEST_CASE("SIGTERM reaches the host through the launcher") {
  NEEDS_WORKER
  TestLauncher launcher{test_config(Level::Filter)};
  REQUIRE(launcher.started());
  ::kill(launcher.launcher(), SIGTERM);
  CHECK(WEXITSTATUS(launcher.wait_for_launcher()) == 128 + SIGTERM);
}

TEST_CASE("a request that is none ends everything") {
  NEEDS_WORKER
  TestLauncher launcher{test_config(Level::Filter)};
  REQUIRE(launcher.started());
  REQUIRE(::write(launcher.client().fd(), "nonsense", 8) == 8);
  CHECK(WEXITSTATUS(launcher.wait_for_launcher()) == 70);
  CHECK(is_gone(launcher.host()));
}
