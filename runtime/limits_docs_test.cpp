#include <catch2/catch.hpp>
#include <string>

#include "runtime/limits.hpp"
#include "tests/support/documented.hpp"

namespace perilune {
namespace {

std::string page() {
  std::string text =
      "# Limits\n\n"
      "Every limit of an app. A manifest's `[limits]` sets them by key, up to the tenant's "
      "ceiling; `GET /v1/limits` shows what is in force "
      "and where it comes from. Sizes are texts with a unit (`\"32MiB\"`), everything else is a "
      "whole number.\n"
      "Not all of them have something to limit yet: those of actors, outbound requests and secrets "
      "come with these features.\n\n"
      "| key | default | least | most | what |\n|---|---|---|---|---|\n";
  for (const LimitSpec& row : limit_specs()) {
    text += "| `" + std::string{row.key} + "` | " + format_limit(row, row.value) + " | " +
            format_limit(row, row.minimum) + " | " + format_limit(row, row.maximum) + " | " +
            std::string{row.what} + " |\n";
  }
  return text;
}

TEST_CASE("docs/reference/limits.md says what the table says", "[limits][docs]") {
  const std::string expected = page();
  CHECK(test::reference_page("limits.md", expected) == expected);
}

}  // namespace
}  // namespace perilune
