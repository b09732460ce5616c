#include "tests/support/api/control_api.hpp"

namespace perilune::api::test {

TEST_CASE("a VM's fibers are shown as the platform tells") {
  Fixture f;
  REQUIRE(f.deployed("return 1").size() == 64);
  const std::string app = "/v1/tenants/acme/apps/shop";
  CHECK(Fixture::json(f.send(f.reader, "GET", app + "/vms")).at("items").as_array().empty());
  CHECK(f.send(f.reader, "GET", "/v1/tenants/acme/apps/none/vms").status == 404);
  CHECK(f.send(f.reader, "GET", app + "/vms/1.1/fibers").status == 404);

  f.platform.running.push_back({"7.1", std::string(64, 'a'), "running", 4711, 2, 1024, f.clock});
  FiberRow row;
  row.id = "0x2";
  row.state = "suspended";
  row.operation = "mutex:lock";
  row.resource = "mutex 0x1";
  row.holder = "0x1";
  row.waits_for_fibers = true;
  row.age_ms = 12.5;
  row.traceback = {"a\"b.lua:1: in main chunk"};
  f.platform.dump = {2, {row}};
  const auto vms = Fixture::json(f.send(f.reader, "GET", app + "/vms"));
  CHECK(vms.at("items").at(0).at("id").as_string() == "7.1");
  CHECK(vms.at("items").at(0).at("fibers").as_int64() == 2);
  const Response response = f.send(f.reader, "GET", app + "/vms/7.1/fibers");
  REQUIRE(response.status == 200);
  const auto dump = Fixture::json(response);
  CHECK(dump.at("total").as_int64() == 2);
  CHECK_FALSE(dump.at("complete").as_bool());
  const auto& fiber = dump.at("fibers").at(0);
  CHECK(fiber.at("waits").at("holder").as_string() == "0x1");
  CHECK(fiber.at("waits").at("age_ms").as_double() == 12.5);
  CHECK(fiber.at("traceback").at(0).as_string() == "a\"b.lua:1: in main chunk");
  CHECK_FALSE(fiber.as_object().contains("request_id"));

  f.platform.silent = true;
  const Response silent = f.send(f.reader, "GET", app + "/vms/7.1/fibers");
  CHECK(silent.status == 504);
  CHECK(Fixture::code(silent) == "not_answering");
}

TEST_CASE("fibers are for tokens that may read the app") {
  Fixture f;
  REQUIRE(f.deployed("return 1").size() == 64);
  f.platform.running.push_back({"7.1", "v", "running", 1, 0, 0, f.clock});
  const std::string path = "/v1/tenants/acme/apps/shop/vms/7.1/fibers";
  const std::string logs = new_token_secret();
  f.token(logs, "tok_logs", {"logs:read"}, "acme");
  const std::string stranger = new_token_secret();
  f.token(stranger, "tok_stranger", {"*"}, "other");
  CHECK(f.send(logs, "GET", path).status == 403);
  CHECK(f.send(stranger, "GET", path).status == 404);
  CHECK(f.send("", "GET", path).status == 401);
  CHECK(f.send(f.reader, "GET", path).status == 200);
}

}  // namespace perilune::api::test
