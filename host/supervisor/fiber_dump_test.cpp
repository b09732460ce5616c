#include "host/supervisor/fiber_dump.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace perilune::host {

TEST_CASE("A worker's dump is read member by member") {
  const auto dump = read_fibers(
      R"({"total":2,"fibers":[{"id":"0x1","state":"suspended","main":true,"operation":"mutex:lock",)"
      R"("resource":"mutex 0x1","waits_for_fibers":true,"holder":"0x2","age_ms":1.5,)"
      R"("traceback":["a.lua:1: in main chunk"],"later":{"x":1}}]})");
  REQUIRE(dump);
  CHECK(dump->total == 2);
  REQUIRE(dump->fibers.size() == 1);
  const api::FiberRow& row = dump->fibers[0];
  CHECK(row.id == "0x1");
  CHECK(row.main);
  CHECK(row.waits_for_fibers);
  CHECK(row.holder == "0x2");
  CHECK(row.age_ms == 1.5);
  CHECK(row.traceback == std::vector<std::string>{"a.lua:1: in main chunk"});
  CHECK(read_fibers("")->fibers.empty());
}

TEST_CASE("What no worker of ours sends is refused") {
  const std::string text =
      GENERATE("x", "[]", "{}", R"({"total":-1,"fibers":[]})", R"({"total":1.5,"fibers":[]})",
               R"({"total":1,"fibers":{}})", R"({"total":0,"fibers":[{"id":"1","state":"x"}]})",
               R"({"total":1,"fibers":[1]})", R"({"total":1,"fibers":[{"id":1,"state":"x"}]})",
               R"({"total":1,"fibers":[{"state":"x"}]})",
               R"({"total":1,"fibers":[{"id":"1","state":"x","main":"yes"}]})",
               R"({"total":1,"fibers":[{"id":"1","state":"x","age_ms":"1"}]})",
               R"({"total":1,"fibers":[{"id":"1","state":"x","age_ms":-1}]})",
               R"({"total":1,"fibers":[{"id":"1","state":"x","traceback":[1]}]})",
               R"({"total":1,"fibers":[{"id":"1","state":"x","y":[[[[[1]]]]]}]})",
               "{\"total\":1,\"fibers\":[{\"id\":\"\xff\",\"state\":\"x\"}]}",
               R"({"total":0,"fibers":[]} more)");
  INFO(text);
  CHECK_FALSE(read_fibers(text));
}

TEST_CASE("Long text is cut between characters") {
  std::string name;
  for (int i = 0; i < 1000; ++i) name += "ä";
  const auto dump =
      read_fibers(R"({"total":1,"fibers":[{"id":"x)" + name + R"(","state":"ready"}]})");
  REQUIRE(dump);
  CHECK(dump->fibers[0].id.size() == 1023);
}

}  // namespace perilune::host
