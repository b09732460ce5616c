#include "runtime/limits.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <string>

namespace perilune {
namespace {

TEST_CASE("every limit's key is unique and says its unit", "[limits]") {
  std::set<std::string_view> keys;
  for (const LimitSpec& row : limit_specs()) {
    INFO(row.key);
    CHECK(keys.insert(row.key).second);
    CHECK((row.unit == Unit::Milliseconds) == row.key.ends_with("_ms"));
    CHECK(find_limit(row.key) == &row);
  }
  CHECK(find_limit("memroy") == nullptr);
}

TEST_CASE("what an app asks for is held against its ceiling", "[limits]") {
  const Limits ceiling = default_ceiling();
  for (const LimitSpec& row : limit_specs()) {
    INFO(row.key);
    Limits asked;
    asked.set(row.limit, row.maximum);
    CHECK(checked(asked, ceiling).has_value());
    asked.set(row.limit, row.maximum + 1);
    CHECK(checked(asked, ceiling).error().code == "limit_too_high");
    asked.set(row.limit, row.minimum);
    CHECK(checked(asked, ceiling).has_value());
    if (row.minimum == 0) continue;
    asked.set(row.limit, row.minimum - 1);
    CHECK(checked(asked, ceiling).error().code == "limit_too_low");
  }
}

TEST_CASE("sizes carry a unit, everything else is a whole number", "[limits]") {
  const LimitSpec& memory = spec(Limit::Memory);
  CHECK(parse_limit(memory, "32MiB").value() == 32U << 20U);
  CHECK(parse_limit(memory, "32 MiB").value() == 32U << 20U);
  CHECK(parse_limit(memory, "1048576").value() == 1048576);
  CHECK(parse_limit(memory, "1MB").value() == 1000000);
  for (const char* bad : {"", "MiB", "32mib", "-1", "1.5MiB", "32MiBs", "99999999999GiB"}) {
    INFO(bad);
    CHECK(parse_limit(memory, bad).error().code == "bad_limit");
  }
  CHECK(parse_limit(spec(Limit::Cpu), "250").value() == 250);
  CHECK(parse_limit(spec(Limit::Cpu), "250ms").has_error());
}

TEST_CASE("a limit is shown with its unit", "[limits]") {
  CHECK(format_limit(spec(Limit::Memory), 32U << 20U) == "32MiB");
  CHECK(format_limit(spec(Limit::Memory), 1000) == "1000B");
  CHECK(format_limit(spec(Limit::Cpu), 5) == "5 ms");
  CHECK(format_limit(spec(Limit::LogRate), 5) == "5/s");
}

}  // namespace
}  // namespace perilune
