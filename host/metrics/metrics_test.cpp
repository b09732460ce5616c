#include "host/metrics/metrics.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "host/metrics/series.hpp"

namespace perilune::host {
namespace {

using namespace std::chrono_literals;

bool holds(const std::string& text, std::string_view line) {
  return text.find("\n" + std::string{line} + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("The reference page of the metrics is up to date") {
  std::ifstream in{std::filesystem::path{PERILUNE_SOURCE_DIR} / "docs/reference/metrics.md"};
  const std::string page{std::istreambuf_iterator<char>{in}, {}};
  REQUIRE(page == metrics_reference());
}

TEST_CASE("Write the reference page of the metrics", "[.write-reference]") {
  std::ofstream{std::filesystem::path{PERILUNE_SOURCE_DIR} / "docs/reference/metrics.md"}
      << metrics_reference();
}

TEST_CASE("A finished request is in its app's series") {
  Metrics metrics{10};
  const auto app = metrics.app({"acme", "shop"});
  app->request_done(Outcome::Ok, 204, 3ms, 400us);
  app->request_done(Outcome::CpuLimit, 500, 300ms, 201ms);
  const std::string text = metrics.text();
  REQUIRE(holds(text, R"(perilune_requests_total{tenant="acme",app="shop",outcome="ok"} 1)"));
  REQUIRE(
      holds(text, R"(perilune_requests_total{tenant="acme",app="shop",outcome="cpu_limit"} 1)"));
  REQUIRE(holds(text, R"(perilune_responses_total{tenant="acme",app="shop",code="2xx"} 1)"));
  REQUIRE(holds(
      text, R"(perilune_request_duration_seconds_bucket{tenant="acme",app="shop",le="0.005"} 1)"));
  REQUIRE(holds(
      text, R"(perilune_request_duration_seconds_bucket{tenant="acme",app="shop",le="+Inf"} 2)"));
  REQUIRE(holds(text, R"(perilune_request_duration_seconds_count{tenant="acme",app="shop"} 2)"));
}

TEST_CASE("Series leave with their app") {
  Metrics metrics{10};
  metrics.app({"acme", "shop"})->crash_loop(true);
  metrics.deployed({"acme", "shop"}, "abc");
  REQUIRE(metrics.text().find("app=\"shop\"") != std::string::npos);
  metrics.forget({"acme", "shop"});
  REQUIRE(metrics.text().find("app=\"shop\"") == std::string::npos);
}

TEST_CASE("Apps beyond the cap share one set of series, and that is counted") {
  Metrics metrics{2};
  (void)metrics.app({"t", "a"});
  const auto second = metrics.app({"t", "b"});
  const auto third = metrics.app({"t", "c"});
  REQUIRE(second != third);
  REQUIRE(third == metrics.app({"t", "d"}));
  third->request_done(Outcome::Ok, 200, 1ms, 1us);
  const std::string text = metrics.text();
  REQUIRE(holds(text, R"(perilune_requests_total{tenant="_other",app="_other",outcome="ok"} 1)"));
  REQUIRE(holds(text, "perilune_metrics_overflow_total 2"));
  REQUIRE(text.find("app=\"c\"") == std::string::npos);
}

TEST_CASE("Every family of the table can be reached, and nothing else is on the page") {
  Metrics metrics{10};
  const auto app = metrics.app({"t", "a"});
  app->request_done(Outcome::Ok, 200, 1ms, 1us);
  app->worker_started(StartReason::Request, 1ms);
  app->worker_exited(ExitReason::Seccomp);
  metrics.deployed({"t", "a"}, "v");
  metrics.rejected("bad_request");
  metrics.link_violation("length");
  metrics.api_request("/v1/tenants", "GET", 200);
  const auto families = metrics.Collect();
  REQUIRE(families.size() == kSeriesCount);
}

}  // namespace perilune::host
