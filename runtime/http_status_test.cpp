#include "runtime/http_status.hpp"

#include <catch2/catch.hpp>

namespace perilune {
namespace {

TEST_CASE("a status has its usual phrase, or none") {
  CHECK(reason_phrase(100) == "Continue");
  CHECK(reason_phrase(200) == "OK");
  CHECK(reason_phrase(404) == "Not Found");
  CHECK(reason_phrase(407) == "Proxy Authentication Required");
  CHECK(reason_phrase(507) == "Insufficient Storage");
  for (const unsigned status : {0U, 99U, 299U, 306U, 418U, 599U, 70000U})
    CHECK(reason_phrase(status).empty());
}

}  // namespace
}  // namespace perilune
