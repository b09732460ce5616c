#include "host/logs/app_log.hpp"

#include <catch2/catch.hpp>

namespace perilune::host {
namespace {

using namespace std::chrono_literals;

struct Kept {
  std::vector<api::LogEntry> entries;
  LogSink sink{[this](const api::AppKey&, std::vector<api::LogEntry> batch) {
    for (auto& entry : batch) entries.push_back(std::move(entry));
  }};
};

Limits limits(std::uint64_t rate, std::uint64_t burst, std::uint64_t line) {
  Limits limits;
  limits.set(Limit::LogRate, rate);
  limits.set(Limit::LogBurst, burst);
  limits.set(Limit::LogLine, line);
  return limits;
}

}  // namespace

TEST_CASE("A bucket gives its burst, then its rate") {
  TokenBucket bucket{10, 3};
  auto now = TokenBucket::Clock::time_point{} + 1h;
  for (int i = 0; i < 3; ++i) REQUIRE(bucket.take(now));
  REQUIRE_FALSE(bucket.take(now));
  REQUIRE_FALSE(bucket.take(now + 99ms));
  REQUIRE(bucket.take(now + 101ms));
  now += 1h;
  for (int i = 0; i < 3; ++i) REQUIRE(bucket.take(now));
  REQUIRE_FALSE(bucket.take(now));
}

TEST_CASE("Lines beyond the app's burst are dropped, counted and announced") {
  Kept kept;
  Metrics metrics{10};
  AppLog log{kept.sink, {"t", "a"}, metrics.app({"t", "a"})};
  log.set_limits(limits(1, 5, 100));
  link::LogRecord record;
  record.message = "hello";
  for (int i = 0; i < 8; ++i) log.accept(record, "v1");
  kept.sink.flush();
  REQUIRE(kept.entries.size() == 5);
  log.set_limits(limits(100000, 5, 100));
  while (kept.entries.size() < 6) {
    log.accept(record, "v1");
    kept.sink.flush();
  }
  REQUIRE(kept.entries.back().dropped >= 3);
  REQUIRE(metrics.text().find("perilune_log_lines_total{tenant=\"t\",app=\"a\"} 6") !=
          std::string::npos);
}

TEST_CASE("A line is cut at the app's limit whatever its worker sends") {
  Kept kept;
  Metrics metrics{10};
  AppLog log{kept.sink, {"t", "a"}, metrics.app({"t", "a"})};
  log.set_limits(limits(10, 5, 100));
  const std::string just{std::string(100, 'x')};
  const std::string over{std::string(101, 'x')};
  link::LogRecord record;
  record.message = just;
  log.accept(record, "v1");
  record.message = over;
  log.accept(record, "v1");
  kept.sink.flush();
  REQUIRE(kept.entries[0].message == just);
  REQUIRE(kept.entries[1].message == just);
}

TEST_CASE("What waits is written when the app's log goes") {
  Kept kept;
  Metrics metrics{10};
  {
    AppLog log{kept.sink, {"t", "a"}, metrics.app({"t", "a"})};
    log.event(link::LogLevel::Warn, "worker died", "v1");
  }
  REQUIRE(kept.entries.size() == 1);
  kept.sink.flush();
  REQUIRE(kept.entries.size() == 1);
}

TEST_CASE("A request id is 32 hex digits") {
  REQUIRE(request_id_text(0, 0).empty());
  REQUIRE(request_id_text(1, 0xabc) == "00000000000000010000000000000abc");
}

}  // namespace perilune::host
