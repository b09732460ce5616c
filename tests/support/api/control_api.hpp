#pragma once

/// @file
/// A control API over a real store for tests, with requests as short as they can be.

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/auth/secret.hpp"
#include "api/rest/control_api.hpp"
#include "tests/support/api/fake_platform.hpp"
#include "tests/support/fiber.hpp"
#include "tests/support/print_result.hpp"
#include "tests/support/temporary_dir.hpp"

namespace perilune::api::test {

using Headers = std::vector<std::pair<std::string, std::string>>;

/// Tenants acme and other; tokens root (all), dev (acme: all scopes), reader (acme: apps:read).
struct Fixture {
  Fixture() {
    for (const char* slug : {"acme", "other"}) {
      TenantRow row;
      row.slug = slug;
      REQUIRE(store->create_tenant(row));
    }
    token(root, "tok_root", {"*"}, "");
    token(dev, "tok_dev", {"*"}, "acme");
    token(reader, "tok_reader", {"apps:read"}, "acme");
  }

  void token(const std::string& secret, const std::string& id, std::vector<std::string> scopes,
             const std::string& tenant, UnixMs expires = 0) {
    TokenRow row;
    row.id = id;
    row.scopes = std::move(scopes);
    row.tenant = tenant;
    row.expires = expires;
    REQUIRE(store->create_token(row, token_hash(secret)));
  }

  Response send(const std::string& secret, std::string method, std::string target,
                std::string body = {}, Headers headers = {}) {
    Request request{std::move(method), std::move(target), std::move(headers), std::move(body),
                    "127.0.0.1:4711"};
    if (!secret.empty()) request.headers.emplace_back("authorization", "Bearer " + secret);
    Response response;
    perilune::test::run_fiber(
        [&](boost::asio::yield_context yield) { response = api.handle(request, yield); });
    CHECK(response.header("perilune-request-id").size() == 32);
    return response;
  }
  Response upload(const std::string& text, const std::string& query = {},
                  const std::string& app = "shop") {
    return send(dev, "POST", "/v1/tenants/acme/apps/" + app + "/versions" + query, text,
                {{"content-type", "text/x-lua"}});
  }
  /// The version of an upload that was deployed.
  std::string deployed(const std::string& text) {
    const Response response = upload(text, "?deploy=true");
    REQUIRE(response.status == 201);
    return field(response, "version");
  }
  static boost::json::value json(const Response& response) {
    return boost::json::parse(response.body);
  }
  static std::string field(const Response& response, const char* name) {
    return json(response).at(name).as_string().c_str();
  }
  static std::string code(const Response& response) { return field(response, "code"); }

  TemporaryDir dir;
  std::unique_ptr<Store> store = std::move(*open_sqlite_store(dir.path()));
  FakePlatform platform;
  UnixMs clock = 1767225600000;
  ApiConfig config = [this] {
    ApiConfig made;
    made.now = [this] { return clock; };
    return made;
  }();
  ControlApi api{*store, platform, config};
  std::string root = new_token_secret();
  std::string dev = new_token_secret();
  std::string reader = new_token_secret();
};

}  // namespace perilune::api::test
