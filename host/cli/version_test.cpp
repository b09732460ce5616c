#include "host/cli/version.hpp"

#include <catch2/catch.hpp>
#include <sstream>

namespace perilune::host {

TEST_CASE("Every library has a version") {
  std::istringstream lines{version_text()};
  std::string line;
  REQUIRE(std::getline(lines, line));
  CHECK(line == "perilune " PERILUNE_VERSION);
  int libraries = 0;
  while (std::getline(lines, line)) {
    std::istringstream words{line};
    std::string name;
    std::string version;
    INFO(line);
    CHECK(words >> name >> version);
    CHECK(line.find_first_of("0123456789", 2 + name.size()) != std::string::npos);
    ++libraries;
  }
  CHECK(libraries >= 8);
}

}  // namespace perilune::host
