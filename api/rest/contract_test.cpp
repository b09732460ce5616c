#include "api/rest/openapi.hpp"
#include "api/rest/routes.hpp"
#include "tests/support/api/control_api.hpp"
#include "tests/support/documented.hpp"

namespace perilune::api::test {
namespace {

std::string filled(std::string path, const std::string& tenant) {
  const auto replace = [&](const std::string& from, const std::string& to) {
    const std::size_t at = path.find(from);
    if (at != std::string::npos) path.replace(at, from.size(), to);
  };
  replace("{tenant}", tenant);
  replace("{app}", "shop");
  replace("{version}", std::string(64, 'a'));
  replace("{other}", std::string(64, 'b'));
  replace("{path}", "init.lua");
  replace("{name}", "NAME");
  replace("{token}", "tok_none");
  replace("{vm}", "1.1");
  return path;
}

}  // namespace

TEST_CASE("the OpenAPI document is the API") {
  Fixture f;
  const Response document = f.send("", "GET", "/v1/openapi.json");
  REQUIRE(document.status == 200);
  const auto paths = Fixture::json(document).at("paths").as_object();
  std::size_t operations = 0;
  for (const auto& path : paths) {
    const std::string target = filled(path.key(), "acme");
    const bool scoped = std::string{path.key()}.find("{tenant}") != std::string::npos;
    INFO(target);
    const Response odd = f.send(f.root, "BREW", target);
    CHECK(odd.status == 405);
    CHECK_FALSE(odd.header("allow").empty());
    for (const auto& operation : path.value().as_object()) {
      ++operations;
      std::string method = operation.key();
      for (char& c : method) c = static_cast<char>(std::toupper(c));
      INFO(method);
      f.clock += 61000;  // out of the window of failed attempts
      const bool open = operation.value().as_object().contains("security");
      const Response anonymous = f.send("", method, target);
      CHECK((open ? anonymous.status == 200 : anonymous.status == 401));
      if (!open) CHECK_FALSE(anonymous.header("www-authenticate").empty());
      if (scoped) {
        const Response stranger = f.send(f.dev, method, filled(path.key(), "other"));
        CHECK(stranger.status == 404);
        CHECK(Fixture::code(stranger) == "not_found");
      }
      // Answers, never fails of its own: what is there, or an orderly problem.
      const Response answer = f.send(f.root, method, target + "?dry_run=true");
      CHECK(answer.status < 500);
      if (answer.status >= 400) {
        CHECK(answer.header("content-type") == "application/problem+json");
        CHECK(Fixture::json(answer).at("status").as_int64() == answer.status);
      }
    }
  }
  CHECK(operations == all_routes().size());
}

TEST_CASE("the reference pages are made from the tables") {
  CHECK(perilune::test::reference_page("rest.md", rest_reference()) == rest_reference());
  CHECK(perilune::test::reference_page("errors.md", error_reference()) == error_reference());
}

TEST_CASE("tokens: missing, wrong, expired, without the scope") {
  Fixture f;
  CHECK(f.send("", "GET", "/v1/whoami").status == 401);
  CHECK(f.send(new_token_secret(), "GET", "/v1/whoami").status == 401);
  CHECK(f.send("plt_short", "GET", "/v1/whoami").status == 401);
  const std::string old = new_token_secret();
  f.token(old, "tok_old", {"*"}, "", f.clock);
  CHECK(f.send(old, "GET", "/v1/whoami").status == 401);
  CHECK(f.send(f.dev, "GET", "/v1/whoami").status == 200);
  const Response denied = f.send(f.reader, "PUT", "/v1/tenants/acme/apps/x", "{}");
  CHECK(denied.status == 403);
  CHECK(Fixture::field(denied, "required_scope") == "apps:write");
  CHECK(f.send(f.dev, "POST", "/v1/tenants", "{\"slug\":\"x\"}").status == 403);
}

TEST_CASE("who guesses tokens has to wait, who has one has not") {
  Fixture f;
  for (std::uint32_t i = 0; i < FailedAttempts::kMost; ++i)
    REQUIRE(f.send("", "GET", "/v1/whoami").status == 401);
  const Response slowed = f.send("", "GET", "/v1/whoami");
  CHECK(slowed.status == 429);
  CHECK(slowed.header("retry-after") == "60");
  CHECK(f.send(f.dev, "GET", "/v1/whoami").status == 200);
  f.clock += FailedAttempts::kWindow;
  CHECK(f.send("", "GET", "/v1/whoami").status == 401);
}

TEST_CASE("a token makes tokens with its own rights at most, and shows a secret once") {
  Fixture f;
  const Response made = f.send(f.dev, "POST", "/v1/tokens", R"({"name":"ci","scopes":["deploy"]})",
                               {{"idempotency-key", "k"}});
  REQUIRE(made.status == 201);
  const std::string secret = Fixture::field(made, "token");
  CHECK(Fixture::field(made, "tenant") == "acme");
  CHECK(f.send(secret, "GET", "/v1/whoami").status == 200);
  const Response again = f.send(f.dev, "POST", "/v1/tokens", R"({"name":"ci","scopes":["deploy"]})",
                                {{"idempotency-key", "k"}});
  CHECK(again.header("idempotency-replayed") == "true");
  CHECK_FALSE(Fixture::json(again).as_object().contains("token"));
  CHECK(f.send(secret, "POST", "/v1/tokens", R"({"name":"x","scopes":["deploy"]})").status == 403);
  CHECK(f.send(f.dev, "POST", "/v1/tokens", R"({"name":"x","scopes":["*"],"tenant":"other"})")
            .status == 422);
  CHECK(f.send(f.dev, "POST", "/v1/tokens", R"({"name":"x","scopes":["apps:raed"]})").status ==
        422);
  CHECK(f.send(f.dev, "DELETE", "/v1/tokens/tok_root").status == 404);
  CHECK(f.send(f.dev, "DELETE", "/v1/tokens/" + Fixture::field(made, "id")).status == 204);
  CHECK(f.send(secret, "GET", "/v1/whoami").status == 401);
}

TEST_CASE("a body that is wrong is said by JSON Pointer") {
  Fixture f;
  CHECK(f.send(f.root, "POST", "/v1/tenants", "{").status == 400);
  CHECK(f.send(f.root, "POST", "/v1/tenants", "[]").status == 400);
  CHECK(f.send(f.root, "POST", "/v1/tenants", std::string(40, '[')).status == 400);
  const Response wrong =
      f.send(f.root, "POST", "/v1/tenants",
             R"({"slug":"UP","limits":{"memory":"1KiB","memroy":1},"clas":"fast"})");
  CHECK(wrong.status == 422);
  const auto errors = Fixture::json(wrong).at("errors").as_array();
  REQUIRE(errors.size() == 4);
  CHECK(errors[1].at("pointer").as_string() == "/limits/memory");
  CHECK(f.send(f.root, "PATCH", "/v1/tenants/acme", std::string((1U << 20U) + 1, ' ')).status ==
        413);
}

}  // namespace perilune::api::test
