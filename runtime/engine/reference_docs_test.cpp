#include <catch2/catch.hpp>
#include <string>

#include "runtime/engine/system_engine.hpp"
#include "tests/support/documented.hpp"
#include "tests/support/lua_reference.hpp"

namespace perilune::runtime {
namespace {

TEST_CASE("docs/reference/lua-system.md says what the engine's table says", "[docs]") {
  const std::string expected = test::lua_reference_page(kSystemReference);
  INFO("renew it with PERILUNE_WRITE_DOCS=1");
  CHECK(test::reference_page("lua-system.md", expected) == expected);
}

}  // namespace
}  // namespace perilune::runtime
