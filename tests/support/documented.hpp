#pragma once

/// @file
/// Holds a reference page that is made from a table in the code against the page in docs/reference.

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace perilune::test {

/// The page's text as it is in the tree. With PERILUNE_WRITE_DOCS=1 in the environment `expected`
/// is written there first: that is how the page is renewed after the table has changed.
inline std::string reference_page(const std::string& file, const std::string& expected) {
  const std::string path = std::string{PERILUNE_SOURCE_DIR} + "/docs/reference/" + file;
  if (std::getenv("PERILUNE_WRITE_DOCS") != nullptr) std::ofstream{path} << expected;
  std::ifstream page{path};
  return {std::istreambuf_iterator<char>{page}, std::istreambuf_iterator<char>{}};
}

}  // namespace perilune::test
