#include "sandbox/protocol.hpp"

#include <catch2/catch.hpp>

using namespace perilune;
using namespace perilune::sandbox;
using Kind = LauncherEvent::Kind;

namespace {

LauncherEvent spawned_event() {
  LauncherEvent event;
  event.kind = Kind::Spawned;
  event.request = 7;
  event.spawned.slot = 3;
  event.spawned.pid = 4711;
  event.spawned.layers.add(Layer::Seccomp);
  event.spawned.level = Level::Strong;
  event.spawned.memory_file = "/sys/fs/cgroup/x";
  return event;
}

}  // namespace

TEST_CASE("a request comes back as it was sent") {
  const Request sent{
      Request::Kind::Spawn,
      9,
      0,
      0,
      {.jit = true, .throw_away = true, .links = 4, .threads = 2, .memory = Bytes{123'456'789}}};
  const auto read = decode_request(encode(sent));
  REQUIRE(read);
  CHECK(read->id == 9);
  CHECK(read->worker.jit);
  CHECK(read->worker.throw_away);
  CHECK(read->worker.links == 4);
  CHECK(read->worker.threads == 2);
  CHECK(read->worker.memory == Bytes{123'456'789});
}

TEST_CASE("a damaged request is refused") {
  const std::vector<std::byte> good = encode(Request{Request::Kind::Kill, 1, 2, 3, {}});
  REQUIRE(decode_request(good));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_FALSE(decode_request(std::span{good}.first(size)));
  }
  auto longer = good;
  longer.push_back(std::byte{0});
  CHECK_FALSE(decode_request(longer));
  const auto with = [&](std::size_t at, std::uint8_t value) {
    auto bytes = good;
    bytes[at] = std::byte{value};
    return decode_request(bytes).has_value();
  };
  CHECK_FALSE(with(0, 0));      // magic
  CHECK_FALSE(with(12, 0));     // kind
  CHECK_FALSE(with(12, 4));     // kind
  CHECK_FALSE(with(13, 2));     // jit
  CHECK_FALSE(with(14, 2));     // throw_away
  CHECK_FALSE(with(27, 0xff));  // a pid below zero
  CHECK_FALSE(with(24, 0));     // no pid in a kill
  CHECK_FALSE(with(12, 1));     // a pid in a spawn
  CHECK_FALSE(with(31, 1));     // padding
}

TEST_CASE("events come back as they were sent") {
  const auto spawned = decode_event(encode(spawned_event()), 3);
  REQUIRE(spawned);
  CHECK(spawned->request == 7);
  CHECK(spawned->spawned.slot == 3);
  CHECK(spawned->spawned.pid == 4711);
  CHECK(spawned->spawned.layers.has(Layer::Seccomp));
  CHECK(spawned->spawned.level == Level::Strong);
  CHECK(spawned->spawned.memory_file == "/sys/fs/cgroup/x");

  LauncherEvent failed;
  failed.kind = Kind::SpawnFailed;
  failed.failed = {"landlock", 38, "not there"};
  const auto read = decode_event(encode(failed), 0);
  REQUIRE(read);
  CHECK(read->failed.step == "landlock");
  CHECK(read->failed.error == 38);

  LauncherEvent exited;
  exited.exited = {5, 6, 9, true};
  const auto gone = decode_event(encode(exited), 0);
  REQUIRE(gone);
  CHECK(gone->exited.slot == 5);
  CHECK(gone->exited.memory_killed);

  LauncherEvent probed;
  probed.kind = Kind::Probed;
  for (std::size_t i = 0; i < kLayerCount; ++i) {
    probed.findings.push_back({static_cast<Layer>(i), i % 2 == 0, std::string(2000, 'w'), "a"});
  }
  CHECK(encode(probed).size() < kMaxEvent);
  const auto findings = decode_event(encode(probed), 0);
  REQUIRE(findings);
  REQUIRE(findings->findings.size() == kLayerCount);
  CHECK(findings->findings[1].layer == Layer::PidNamespace);
  CHECK_FALSE(findings->findings[1].works);
}

TEST_CASE("an event whose descriptors or bytes do not fit is refused") {
  const std::vector<std::byte> good = encode(spawned_event());
  for (const std::size_t fds : {0U, 1U, 2U, 19U}) CHECK_FALSE(decode_event(good, fds));
  CHECK(decode_event(good, 18));
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK_FALSE(decode_event(std::span{good}.first(size), 3));
  }
  auto longer = good;
  longer.push_back(std::byte{0});
  CHECK_FALSE(decode_event(longer, 3));
  LauncherEvent exited;
  CHECK_FALSE(decode_event(encode(exited), 1));
}

TEST_CASE("no random datagram is taken for more than it is") {
  std::uint32_t state = 1;
  const std::vector<std::byte> good = encode(spawned_event());
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = good;
    for (int flips = 0; flips < 3; ++flips) {
      state = state * 1664525U + 1013904223U;
      bytes[(state >> 8U) % bytes.size()] = static_cast<std::byte>(state >> 24U);
    }
    (void)decode_event(bytes, 3);  // the sanitizers look on
    (void)decode_request(std::span{bytes}.first(32));
  }
}
