#include <chrono>

#include "tests/support/api/control_api.hpp"

namespace perilune::api::test {

const std::string kApp = "/v1/tenants/acme/apps/shop";

TEST_CASE("an upload makes the app, is the same when it is the same, and deploys") {
  Fixture f;
  const Response first = f.upload("return 1", "?deploy=true&wait=ready&message=one");
  REQUIRE(first.status == 201);
  CHECK(Fixture::json(first).at("deployment").at("state").as_string() == "ready");
  CHECK(Fixture::field(first, "url") == "http://shop.acme.localhost:8080/");
  CHECK(f.platform.changed.size() == 1);
  const std::string id = Fixture::field(first, "version");
  CHECK(first.header("location") == kApp + "/versions/" + id);
  CHECK(f.upload("return 1").status == 200);
  const std::string by_prefix = kApp + "/versions/" + id.substr(0, 8);
  CHECK(f.send(f.dev, "GET", by_prefix).status == 200);
  const Response file = f.send(f.dev, "GET", by_prefix + "/files/init.lua");
  CHECK(file.body == "return 1");
  CHECK(file.header("x-content-type-options") == "nosniff");
  CHECK(f.send(f.dev, "GET", by_prefix, "", {{"if-none-match", "\"" + id + "\""}}).status == 304);
  CHECK(f.send(f.dev, "DELETE", by_prefix).status == 409);
}

TEST_CASE("uploads as JSON, with a wrong type, too large, bad, crashing") {
  Fixture f;
  const auto send = [&](const char* type, std::string body) {
    return f.send(f.dev, "POST", kApp + "/versions", std::move(body), {{"content-type", type}});
  };
  CHECK(send("application/json", R"({"files":{"init.lua":"x","lib/a.lua":"y"}})").status == 201);
  CHECK(send("application/json", R"({"files":{"../init.lua":"x"}})").status == 422);
  CHECK(send("application/json", R"({"files":{"init.lua":1}})").status == 422);
  const Response form = send("multipart/form-data; boundary=x", "x");
  CHECK(form.status == 415);
  CHECK(Fixture::field(form, "detail").find("application/gzip") != std::string::npos);
  const Response bad = f.upload("a syntax error");
  CHECK(bad.status == 422);
  CHECK(Fixture::code(bad) == "bundle_rejected");
  CHECK(Fixture::json(bad).at("diagnostics").at(0).at("line").as_int64() == 1);
  CHECK(Fixture::code(f.upload("crash")) == "worker_crashed");
  CHECK(Fixture::code(f.upload("escape")) == "bad_bundle");  // a worker that lies
  TenantRow tenant = *f.store->tenant("acme");
  tenant.limits[Limit::BundlePacked] = 1024;
  REQUIRE(f.store->update_tenant(tenant));
  CHECK(f.upload(std::string(1024, 'x')).status == 201);
  const Response large = f.upload(std::string(1025, 'x'));
  CHECK(large.status == 413);
  CHECK(Fixture::json(large).at("limit").at("actual").as_int64() == 1025);
}

TEST_CASE("who uploads to a tenant that is not there is told how to make it, if it may") {
  Fixture f;
  const std::string deployer = new_token_secret();
  f.token(deployer, "tok_deployer", {"deploy", "apps:write"}, "");
  const Headers lua{{"content-type", "text/x-lua"}};
  const std::string app = "/v1/tenants/demo/apps/shop";
  for (const char* target : {"/versions?deploy=true", "/check"}) {
    const Response refused = f.send(f.root, "POST", app + target, "return 1", lua);
    CHECK(refused.status == 404);
    CHECK(Fixture::code(refused) == "not_found");
    CHECK(Fixture::field(refused, "help") ==
          R"(Make the tenant first: POST /v1/tenants {"slug":"demo"})");
  }
  CHECK(Fixture::field(f.send(f.root, "PUT", app, "{}"), "help").find("/v1/tenants") !=
        std::string::npos);
  for (const std::string& token : {deployer, f.dev}) {
    const Response refused = f.send(token, "POST", app + "/versions", "return 1", lua);
    CHECK(refused.status == 404);
    CHECK(Fixture::field(refused, "help") == "Or this token may not see it.");
  }
}

TEST_CASE("a new app needs the scope to make apps") {
  Fixture f;
  const std::string ci = new_token_secret();
  f.token(ci, "tok_ci", {"deploy"}, "acme");
  const Headers lua{{"content-type", "text/x-lua"}};
  const Response denied = f.send(ci, "POST", kApp + "/versions", "return 1", lua);
  CHECK(denied.status == 403);
  CHECK(Fixture::field(denied, "required_scope") == "apps:write");
  REQUIRE(f.send(f.dev, "PUT", kApp, "{}").status == 201);
  CHECK(f.send(ci, "POST", kApp + "/versions", "return 1", lua).status == 201);
}

TEST_CASE("deployments follow each other and roll back") {
  Fixture f;
  const std::string a = f.deployed("a");
  const std::string b = f.deployed("b");
  const Response back = f.send(f.dev, "POST", kApp + "/deployments/rollback?wait=ready");
  REQUIRE(back.status == 201);
  CHECK(Fixture::field(back, "version") == a);
  CHECK(Fixture::field(back, "previous") == b);
  CHECK(f.send(f.dev, "POST", kApp + "/deployments/rollback").status == 409);
  const Response current = f.send(f.dev, "GET", kApp + "/deployments/current");
  const std::string body = R"({"version":")" + b.substr(0, 12) + R"("})";
  CHECK(f.send(f.dev, "POST", kApp + "/deployments", body, {{"if-match", "\"1\""}}).status == 412);
  f.platform.ready = false;
  const Response failed = f.send(f.dev, "POST", kApp + "/deployments?wait=ready", body,
                                 {{"if-match", std::string{current.header("etag")}}});
  CHECK(failed.status == 503);
  CHECK(Fixture::code(failed) == "start_failed");
  const Response list = f.send(f.dev, "GET", kApp + "/deployments?limit=1");
  CHECK(Fixture::json(list).at("items").at(0).at("state").as_string() == "failed");
  CHECK(f.send(f.dev, "POST", kApp + "/deployments", R"({"version":"12345678"})").status == 422);
  CHECK(f.send(f.dev, "POST", kApp + "/deployments", R"({"split":[]})").status == 422);
}

TEST_CASE("an Idempotency-Key answers the same again and refuses another request") {
  Fixture f;
  f.deployed("a");
  const Headers key{{"idempotency-key", "once"}};
  const std::string b = Fixture::field(f.upload("b"), "version");
  const std::string body = R"({"version":")" + b + R"("})";
  const Response first = f.send(f.dev, "POST", kApp + "/deployments", body, key);
  const Response again = f.send(f.dev, "POST", kApp + "/deployments", body, key);
  CHECK(first.status == 201);
  CHECK(again.body == first.body);
  CHECK(again.header("idempotency-replayed") == "true");
  const Response other = f.send(f.dev, "POST", kApp + "/deployments", body + " ", key);
  CHECK(Fixture::code(other) == "idempotency_key_reuse");
  f.clock += 24LL * 3600 * 1000 + 1;
  CHECK(f.send(f.dev, "POST", kApp + "/deployments", body + " ", key).status == 201);
}

TEST_CASE("ETags guard tenants, apps and variables; a dry run keeps nothing") {
  Fixture f;
  CHECK(f.send(f.dev, "PUT", kApp + "?dry_run=true", "{}").status == 201);
  CHECK(f.send(f.dev, "GET", kApp).status == 404);
  const Response made = f.send(f.dev, "PUT", kApp, R"({"description":"d"})");
  REQUIRE(made.status == 201);
  CHECK(f.send(f.dev, "PUT", kApp, "{}", {{"if-none-match", "*"}}).status == 412);
  const Headers tag{{"if-match", std::string{made.header("etag")}}};
  CHECK(f.send(f.dev, "PATCH", kApp, R"({"labels":{"a":"b"}})", tag).status == 200);
  CHECK(f.send(f.dev, "PATCH", kApp, R"({"labels":{}})", tag).status == 412);
  CHECK(f.send(f.dev, "DELETE", kApp, "", tag).status == 412);
  CHECK(f.platform.changed.empty());
  CHECK(f.send(f.dev, "DELETE", kApp + "?dry_run=true").status == 202);
  CHECK(f.platform.changed.empty());
  CHECK(f.send(f.dev, "DELETE", kApp).status == 202);
  CHECK(f.platform.changed.size() == 1);
}

TEST_CASE("a variable reaches a deployed app by a deployment of its own") {
  Fixture f;
  const std::string a = f.deployed("a");
  const auto before = f.store->deployed({"acme", "shop"})->generation;
  CHECK(f.send(f.dev, "PUT", kApp + "/env/MODE", R"({"value":"x"})").status == 201);
  const auto now = *f.store->deployed({"acme", "shop"});
  CHECK(now.generation > before);
  CHECK(now.version == a);
  CHECK(now.manifest.env.at("MODE") == "x");
  CHECK(f.send(f.dev, "PUT", kApp + "/env/MODE", "y", {{"content-type", "text/plain"}}).status ==
        200);
  CHECK(f.send(f.dev, "PUT", kApp + "/env/1BAD", R"({"value":"x"})").status == 400);
  CHECK(Fixture::code(f.send(f.dev, "PUT", kApp + "/env/BIG",
                             R"({"value":")" + std::string(65536, 'x') + "\"}")) ==
        "env_too_large");
  CHECK(f.send(f.dev, "DELETE", kApp + "/env/MODE").status == 204);
  CHECK(f.send(f.dev, "DELETE", kApp + "/env/MODE").status == 404);
}

TEST_CASE("suspending a tenant reaches each of its apps; deleting it too") {
  Fixture f;
  f.deployed("a");
  f.platform.changed.clear();
  CHECK(f.send(f.root, "POST", "/v1/tenants/acme/suspend").status == 202);
  CHECK(f.platform.changed.size() == 1);
  CHECK(f.store->deployed({"acme", "shop"})->suspended);
  CHECK(Fixture::code(f.send(f.dev, "POST", kApp + "/deployments?wait=ready",
                             R"({"version":")" + f.store->deployed({"acme", "shop"})->version +
                                 "\"}")) == "tenant_suspended");
  CHECK(f.send(f.root, "POST", "/v1/tenants/acme/resume").status == 202);
  CHECK(f.send(f.root, "DELETE", "/v1/tenants/acme").status == 202);
  CHECK(f.send(f.dev, "GET", "/v1/whoami").status == 401);
}

TEST_CASE("the log is read backward in pages and followed forward") {
  Fixture f;
  f.deployed("a");
  std::vector<AppLog> batch(5);
  for (AppLog& log : batch) {
    log.key = {"acme", "shop"};
    log.entry.time = f.clock;
    log.entry.message = "hello";
  }
  REQUIRE(f.store->append_logs(batch));
  const auto first = Fixture::json(f.send(f.dev, "GET", kApp + "/logs?limit=3"));
  CHECK(first.at("items").at(0).at("sequence").as_int64() == 5);
  const std::string cursor = first.at("next_cursor").as_string().c_str();
  const auto second = Fixture::json(f.send(f.dev, "GET", kApp + "/logs?limit=3&cursor=" + cursor));
  CHECK(second.at("items").as_array().size() == 2);
  CHECK(second.at("next_cursor").is_null());
  const auto forward = Fixture::json(f.send(f.dev, "GET", kApp + "/logs?order=asc"));
  const std::string tail = forward.at("next_cursor").as_string().c_str();
  REQUIRE(f.store->append_logs({batch[0]}));
  const auto more = Fixture::json(f.send(f.dev, "GET", kApp + "/logs?order=asc&cursor=" + tail));
  CHECK(more.at("items").as_array().size() == 1);
  CHECK(f.send(f.dev, "GET", kApp + "/logs", "", {{"accept", "text/event-stream"}}).status == 406);
  CHECK(f.send(f.dev, "GET", kApp + "/logs?cursor=nonsense").status == 400);
  CHECK(f.send(f.dev, "GET", kApp + "/logs?limit=1001").status == 400);
}

TEST_CASE("what was changed is in the audit log, what was asked is not") {
  Fixture f;
  f.deployed("a");
  (void)f.send(f.dev, "GET", kApp);
  const auto audit = Fixture::json(f.send(f.dev, "GET", "/v1/audit"));
  REQUIRE(audit.at("items").as_array().size() == 1);
  CHECK(audit.at("items").at(0).at("token").as_string() == "tok_dev");
}

TEST_CASE("limits say where they come from") {
  Fixture f;
  CHECK(f.send(f.root, "PATCH", "/v1/tenants/acme", R"({"limits":{"memory":"32MiB"}})").status ==
        200);
  const auto limits = Fixture::json(f.send(f.dev, "GET", "/v1/limits"));
  CHECK(limits.at("items").at(0).at("value").as_int64() == 32 << 20);
  CHECK(limits.at("items").at(0).at("source").as_string() == "tenant");
  CHECK(limits.at("items").as_array().size() == kLimitCount);
}

TEST_CASE("a thousand apps are listed in pages, and quickly") {
  Fixture f;
  REQUIRE(f.store->rehearse([&] {
    for (int i = 0; i < 1000; ++i) {
      AppRow row;
      row.key = {"acme", "app-" + std::to_string(10000 + i)};
      REQUIRE(f.store->create_app(row));
    }
    const auto before = std::chrono::steady_clock::now();
    const Response all = f.send(f.dev, "GET", "/v1/tenants/acme/apps?limit=1000");
    const auto took = std::chrono::steady_clock::now() - before;
    CHECK(Fixture::json(all).at("items").as_array().size() == 1000);
    CHECK(std::chrono::duration_cast<std::chrono::milliseconds>(took).count() < 500);
    WARN("1,000 apps in " << std::chrono::duration_cast<std::chrono::microseconds>(took).count()
                          << " us");
    const Response part = f.send(f.dev, "GET", "/v1/tenants/acme/apps?limit=400");
    const std::string link{part.header("link")};
    REQUIRE(link.find("rel=\"next\"") != std::string::npos);
    const Response next = f.send(f.dev, "GET", link.substr(1, link.find('>') - 1));
    CHECK(Fixture::json(next).at("items").at(0).at("slug").as_string() == "app-10400");
  }));
}

}  // namespace perilune::api::test
