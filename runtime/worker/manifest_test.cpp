#include "runtime/worker/manifest.hpp"

#include <catch2/catch.hpp>

namespace perilune::worker {
namespace {

TEST_CASE("a manifest becomes leaves with their places", "[manifest]") {
  Manifest manifest;
  std::vector<Finding> findings;
  REQUIRE(
      manifest.parse("name = \"hello\"\n"
                     "[limits]\n"
                     "  memory = \"32MiB\"\n"
                     "cpu_ms = 100\n"
                     "[[cron]]\nname = 'a'\non = true\n[[cron]]\nratio = 1.5\n"
                     "[env]\n\"odd key\" = 'x'\n",
                     findings));
  const ManifestValue* memory = manifest.find("limits.memory");
  REQUIRE(memory != nullptr);
  CHECK(memory->value == "32MiB");
  CHECK(memory->line == 3);
  CHECK(memory->column > 1);
  CHECK(manifest.find("limits.cpu_ms")->type == link::ValueType::Integer);
  CHECK(manifest.find("cron[0].on")->value == "true");
  CHECK(manifest.find("cron[1].ratio")->value == "1.5");
  CHECK(manifest.find("env.\"odd key\"") != nullptr);
  CHECK(manifest.find("nothing") == nullptr);
}

TEST_CASE("what is no manifest is found with line and column", "[manifest]") {
  Manifest manifest;
  std::vector<Finding> findings;
  CHECK_FALSE(manifest.parse("name = 'a'\nname = \n", findings));
  REQUIRE(findings.size() == 1);
  CHECK(findings[0].code == "bad_manifest");
  CHECK(findings[0].line == 2);
  CHECK(findings[0].column > 0);
  CHECK(findings[0].excerpt == "name = ");
}

TEST_CASE("input that the parser does not expect is a finding, too", "[manifest]") {
  std::vector<Finding> findings;
  CHECK_FALSE(Manifest{}.parse("[,a]\n", findings));
  CHECK_FALSE(Manifest{}.parse("a = 1\u03AA\n", findings));
  CHECK_FALSE(Manifest{}.parse("\u00E9 = 1\n", findings));
  CHECK(findings.size() == 3);
}

TEST_CASE("dates and endless values are refused", "[manifest]") {
  std::vector<Finding> findings;
  CHECK_FALSE(Manifest{}.parse("a = 2020-01-01\n", findings));
  CHECK_FALSE(Manifest{}.parse("a = '" + std::string(16 * 1024 + 1, 'x') + "'\n", findings));
  CHECK(Manifest{}.parse("a = '" + std::string(16 * 1024, 'x') + "'\n", findings));
  std::string many;
  for (int i = 0; i < 5001; ++i) many += "k" + std::to_string(i) + " = 1\n";
  CHECK_FALSE(Manifest{}.parse(many, findings));
  CHECK(findings.size() == 3);
  CHECK_FALSE(Manifest{}.parse("a = " + std::string(10'000, '['), findings));
}

TEST_CASE("an excerpt is one line and not too long", "[manifest]") {
  CHECK(line_of("a\r\nb", 1) == "a");
  CHECK(line_of("a\nb", 2) == "b");
  CHECK(line_of("a\nb", 3).empty());
  CHECK(line_of("a", 0).empty());
  CHECK(line_of(std::string(300, 'x'), 1).size() == link::kMaxExcerpt);
}

}  // namespace
}  // namespace perilune::worker
