#include "host/logs/app_log.hpp"

#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "runtime/base/log.hpp"

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

TEST_CASE("A record's line on standard output has an object of fields, or none") {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  Kept kept;
  Metrics metrics{10};
  AppLog log{kept.sink, {"t", "a"}, metrics.app({"t", "a"})};
  const auto line_of = [&](std::string_view fields, std::uint64_t request) {
    link::LogRecord record;
    record.message = "m";
    record.fields = fields;
    record.request = request;
    log::set_descriptor(ends[1]);
    log.accept(record, "v1");
    log::set_descriptor(STDOUT_FILENO);
    std::array<char, 4096> text{};
    const auto got = ::read(ends[0], text.data(), text.size());
    REQUIRE(got > 0);
    const std::string line{text.data(), static_cast<std::size_t>(got)};
    CHECK(line.find('\n') == line.size() - 1);
    return boost::json::parse(line).as_object();
  };
  const auto plain = line_of("", 0);
  CHECK_FALSE(plain.contains("fields"));
  CHECK_FALSE(plain.contains("request_id"));
  CHECK_FALSE(plain.contains("dropped"));
  CHECK(plain.at("msg").as_string() == "m");
  CHECK(plain.at("tenant").as_string() == "t");
  const auto rich = line_of("{\"a\":1,\n\"b\":\"c\"}", 7);
  CHECK(rich.at("fields").at("a").as_int64() == 1);
  CHECK(rich.at("fields").at("b").as_string() == "c");
  CHECK(rich.at("request_id").as_string() == request_id_text(0, 7));
  CHECK_FALSE(line_of("[1]", 0).contains("fields"));
  CHECK_FALSE(line_of("{\"a\":1},\"level\":\"x\"", 0).contains("fields"));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("A request id is 32 hex digits") {
  REQUIRE(request_id_text(0, 0).empty());
  REQUIRE(request_id_text(1, 0xabc) == "00000000000000010000000000000abc");
}

}  // namespace perilune::host
