#include "runtime/fiber/clock.hpp"

#include <catch2/catch.hpp>

#include "tests/support/fake_clock.hpp"

namespace perilune::runtime {
namespace {

using namespace std::chrono_literals;
using Span = VmClock::Span;

TEST_CASE("an exact clock shows what the machine shows, at once") {
  test::FakeClock source;
  source.now += 123456ns;
  VmClock clock{false, 1};
  clock.use(source);
  source.now += 1ns;
  CHECK(clock.steady() == source.now);
  CHECK(clock.system() == source.now + source.offset);
  CHECK(clock.due_after(5ns).time_since_epoch() == source.now + 5ns);
  CHECK(clock.due_steady(source.now - 1s).time_since_epoch() == source.now);
  CHECK(clock.due_system(source.now + source.offset + 3ns).time_since_epoch() == source.now + 3ns);
}

TEST_CASE("a coarse clock shows whole milliseconds and stands still within a slice") {
  test::FakeClock source;
  VmClock clock{true, 7};
  clock.use(source);
  CHECK(clock.steady() == 0ms);
  const Span wall = clock.system();
  CHECK(wall % 1ms == 0ns);
  CHECK(wall <= source.now + source.offset);
  CHECK(wall > source.now + source.offset - 2ms);
  source.now += 10s;
  CHECK(clock.steady() == 0ms);
  CHECK(clock.system() == wall);
  clock.begin_slice();
  CHECK(clock.steady() == 10s);
  CHECK(clock.system() == wall + 10s);
  clock.set_cpu(1234567us);
  CHECK(clock.cpu() % 1ms == 0ns);
  CHECK(clock.cpu() > 1232ms);
  CHECK(clock.cpu() <= 1234ms);
  clock.set_cpu(10ns);
  CHECK(clock.cpu() == 0ms);
}

TEST_CASE("the wall clock of a slice is the same whether it is asked for early or late") {
  test::FakeClock source;
  VmClock clock{true, 7};
  clock.use(source);
  const Span early = clock.system();
  clock.begin_slice();
  source.now += 700us;
  CHECK(clock.system() == early);
}

TEST_CASE("VMs do not tick together") {
  test::FakeClock source;
  std::size_t different = 0;
  for (std::uint64_t seed = 0; seed < 64; ++seed) {
    VmClock one{true, seed};
    VmClock next{true, seed + 1};
    one.use(source);
    next.use(source);
    // Where within the next millisecond does the steady clock move on?
    const auto edge = [&](VmClock& clock) {
      return clock.due_steady(1ms).time_since_epoch() - source.now;
    };
    CHECK(edge(one) > 0ns);
    CHECK(edge(one) <= 1ms);
    if (edge(one) != edge(next)) ++different;
  }
  CHECK(different == 64);
}

TEST_CASE("a coarse clock's waits end at its edges, never early by what it shows") {
  test::FakeClock source;
  VmClock clock{true, 3};
  clock.use(source);
  for (const Span ask :
       {Span{1ns}, Span{999'999ns}, Span{1ms}, 1ms + 1ns, Span{10500us}, Span{3s}}) {
    for (int step = 0; step < 50; ++step) {
      source.now += 137us;
      clock.begin_slice();
      const Span before = clock.steady();
      source.now += 61us;  // computing
      const auto due = clock.due_after(ask);
      CHECK(due.time_since_epoch() >= source.now + ask);
      CHECK(due.time_since_epoch() < source.now + ask + 1ms);
      const Span expiry = clock.steady_after(ask);
      CHECK(clock.due_steady(expiry) == due);
      source.now = due.time_since_epoch();
      clock.begin_slice();
      CHECK(clock.steady() >= before + ask);
      CHECK(clock.steady() >= expiry);
    }
  }
}

TEST_CASE("waiting for the wall clock ends when it shows the moment") {
  test::FakeClock source;
  VmClock clock{true, 3};
  clock.use(source);
  const Span target = clock.system() + 250ms + 300us;
  const auto due = clock.due_system(target);
  source.now = due.time_since_epoch() - 1ns;
  clock.begin_slice();
  CHECK(clock.system() < target);
  source.now += 1ns;
  clock.begin_slice();
  CHECK(clock.system() >= target);
}

TEST_CASE("no wait is longer than ten years, however far the moment is") {
  test::FakeClock source;
  for (const bool coarse : {false, true}) {
    VmClock clock{coarse, 3};
    clock.use(source);
    const auto longest = std::chrono::steady_clock::time_point{source.now} + VmClock::kLongest;
    CHECK(clock.due_steady(Span::max()) == longest);
    CHECK(clock.due_system(Span::max()) == longest);
    CHECK(clock.due_steady(Span::min()).time_since_epoch() == source.now);
    CHECK(clock.due_system(Span::min()).time_since_epoch() == source.now);
    CHECK(clock.due_after(Span::max()) - longest < 1ms);
    CHECK(clock.due_after(0ns).time_since_epoch() == source.now);
    CHECK(clock.due_after(-1s).time_since_epoch() == source.now);
  }
}

}  // namespace
}  // namespace perilune::runtime
