#include "api/store/store_conformance.hpp"

#include <catch2/catch.hpp>

#include "api/bundle/bundle.hpp"
#include "tests/support/print_result.hpp"

namespace perilune::api::test {
namespace {

const AppKey kShop{"acme", "shop"};

void make_tenant(Store& store, const std::string& slug = "acme") {
  TenantRow row;
  row.slug = slug;
  row.created = 1;
  REQUIRE(store.create_tenant(row));
}

NewVersion upload_of(const std::string& text, const AppKey& key = kShop) {
  NewVersion upload;
  upload.key = key;
  upload.files = {{"init.lua", text}, {"lib/same.lua", "return 1"}};
  upload.version = version_of(upload.files);
  upload.create_app = true;
  upload.at = 5;
  return upload;
}

std::string put(Store& store, const std::string& text, const AppKey& key = kShop) {
  const NewVersion upload = upload_of(text, key);
  REQUIRE(store.put_version(upload));
  return upload.version;
}

std::uint64_t deploy(Store& store, const std::string& version) {
  NewDeployment deployment;
  deployment.key = kShop;
  deployment.version = version;
  const auto row = store.deploy(deployment);
  REQUIRE(row);
  return row->generation;
}

std::string rolled_back(Store& store) {
  const auto target = store.rollback_target(kShop);
  if (!target) return target.error().code;
  NewDeployment deployment;
  deployment.key = kShop;
  deployment.kind = DeploymentKind::Rollback;
  deployment.version = target->version;
  deployment.restores = target->generation;
  REQUIRE(store.deploy(deployment));
  return target->version;
}

template <typename T>
std::string code_of(const Result<T>& result) {
  return result ? "ok" : result.error().code;
}

}  // namespace

void tenants_and_apps(const StoreFactory& open) {
  const auto store = open();
  make_tenant(*store);
  TenantRow row = *store->tenant("acme");
  CHECK(code_of(store->create_tenant(row)) == "conflict");
  row.limits[Limit::Memory] = 123;
  row.jit = true;
  CHECK(store->update_tenant(row)->revision == 2);
  CHECK(code_of(store->update_tenant(row)) == "precondition_failed");
  CHECK(store->tenant("acme")->limits.at(Limit::Memory) == 123);
  CHECK(code_of(store->tenant("other")) == "not_found");

  AppRow app;
  app.key = {"nobody", "shop"};
  CHECK(code_of(store->create_app(app)) == "not_found");
  app.key = kShop;
  app.labels["team"] = "x";
  REQUIRE(store->create_app(app));
  CHECK(code_of(store->create_app(app)) == "conflict");
  CHECK(store->app(kShop)->labels.at("team") == "x");
  CHECK(store->apps("acme", "", 10)->size() == 1);
  CHECK(store->apps("acme", "shop", 10)->empty());
  CHECK(store->delete_tenant("acme")->size() == 1);
  CHECK(code_of(store->app(kShop)) == "not_found");
}

void versions_are_whole_and_shared(const StoreFactory& open) {
  const auto store = open();
  make_tenant(*store);
  NewVersion stranger = upload_of("a");
  stranger.create_app = false;
  CHECK(code_of(store->put_version(stranger)) == "not_found");
  const std::string id = put(*store, "a");
  CHECK_FALSE(store->put_version(upload_of("a"))->created);
  CHECK(store->version(kShop, id)->number == 1);
  CHECK(store->bundle(id)->size() == 2);
  CHECK(*store->resolve_version(kShop, id.substr(0, 8)) == id);
  CHECK(code_of(store->resolve_version(kShop, id.substr(0, 7))) == "not_found");
  CHECK(store->file(id, "init.lua")->data == "a");
  // Another app with the same content shares the bundle, and does not see this app's versions.
  put(*store, "a", {"acme", "other"});
  CHECK(code_of(store->version({"acme", "third"}, id)) == "not_found");
  REQUIRE(store->delete_app(kShop));
  CHECK(store->bundle(id)->size() == 2);
  REQUIRE(store->delete_app({"acme", "other"}));
  CHECK(code_of(store->bundle(id)) == "not_found");
}

void versions_are_pruned(const StoreFactory& open) {
  const auto store = open();
  make_tenant(*store);
  const std::string first = put(*store, "1");
  deploy(*store, first);
  NewVersion upload;
  for (const char* text : {"2", "3", "4"}) {
    upload = upload_of(text);
    upload.keep = 3;
    REQUIRE(store->put_version(upload));
  }
  const auto left = *store->versions(kShop, 0, 10);
  REQUIRE(left.size() == 3);
  CHECK(left.front().number == 4);
  CHECK(left.back().version == first);  // the oldest, but deployed
  CHECK(code_of(store->delete_version(kShop, first)) == "version_in_use");
  CHECK(store->delete_version(kShop, left.front().version));
}

void deployments_switch_and_roll_back(const StoreFactory& open) {
  const auto store = open();
  make_tenant(*store);
  const std::string a = put(*store, "a");
  const std::string b = put(*store, "b");
  const std::string c = put(*store, "c");
  const std::string bad = put(*store, "bad");
  CHECK(rolled_back(*store) == "not_found");
  const auto first = deploy(*store, a);
  CHECK(rolled_back(*store) == "nothing_to_roll_back");
  const auto failed = deploy(*store, bad);
  CHECK(failed > first);
  REQUIRE(store->mark_deployment(failed, DeploymentState::Failed));
  deploy(*store, b);
  deploy(*store, c);
  CHECK(rolled_back(*store) == b);
  CHECK(rolled_back(*store) == a);  // further back, past the failed one, not to c again
  CHECK(rolled_back(*store) == "nothing_to_roll_back");
  NewDeployment late;
  late.key = kShop;
  late.version = a;
  late.if_generation = first;
  CHECK(code_of(store->deploy(late)) == "precondition_failed");
  CHECK(store->deployments(kShop, 0, 10)->size() == 6);
  CHECK(store->current_deployment(kShop)->previous == b);
}

void deployed_apps_obey_ceiling_and_env(const StoreFactory& open) {
  const auto store = open();
  make_tenant(*store);
  NewVersion upload = upload_of("a");
  upload.manifest.env = {{"A", "1"}, {"B", "1"}};
  upload.manifest.limits.set(Limit::Fibers, 77);
  REQUIRE(store->put_version(upload));
  CHECK(store->all_deployments()->empty());
  CHECK(store->deployed(kShop)->version.empty());
  deploy(*store, upload.version);
  CHECK(*store->put_env(kShop, {"B", "2", 1}));
  CHECK_FALSE(*store->put_env(kShop, {"B", "3", 2}));
  TenantRow tenant = *store->tenant("acme");
  tenant.suspended = true;
  tenant.limits[Limit::Memory] = 5 << 20;
  REQUIRE(store->update_tenant(tenant));
  const auto all = *store->all_deployments();
  REQUIRE(all.size() == 1);
  CHECK(all[0].suspended);
  CHECK(all[0].manifest.limits.raw(Limit::Fibers) == 77);
  CHECK(all[0].manifest.limits.raw(Limit::Memory) == 5 << 20);
  CHECK(all[0].manifest.env == std::map<std::string, std::string>{{"A", "1"}, {"B", "3"}});
  REQUIRE(store->delete_env(kShop, "B"));
  CHECK(store->deployed(kShop)->manifest.env.at("B") == "1");
}

void logs_are_numbered_filtered_and_capped(const StoreFactory& open) {
  const auto store = open();
  make_tenant(*store);
  put(*store, "a");
  std::vector<AppLog> batch;
  for (int i = 1; i <= 30; ++i) {
    LogEntry entry;
    entry.time = 1000 + i;
    entry.level = i % 2 == 0 ? link::LogLevel::Error : link::LogLevel::Info;
    entry.message = "line 100%_" + std::to_string(i);
    batch.push_back({i == 30 ? AppKey{"acme", "gone"} : kShop, entry});
  }
  REQUIRE(store->append_logs(batch));
  LogQuery query;
  const auto all = *store->logs(kShop, query);
  REQUIRE(all.size() == 20);  // the cap of these tests
  CHECK(all.front().sequence == 29);
  CHECK(all.back().sequence == 10);
  query.level = link::LogLevel::Error;
  query.ascending = true;
  query.after = 20;
  query.contains = "%_2";
  const auto some = *store->logs(kShop, query);
  REQUIRE(some.size() == 4);
  CHECK(some.front().message == "line 100%_22");
  REQUIRE(store->append_event(kShop, {0, 1, "deployed", "", "m"}));
  CHECK(store->events(kShop, 0, 10)->front().kind == "deployed");
}

void tokens_replies_audit(const StoreFactory& open) {
  const auto store = open();
  make_tenant(*store);
  TokenRow token;
  token.id = "tok_1";
  token.scopes = {"deploy", "apps:read"};
  token.tenant = "acme";
  REQUIRE(store->create_token(token, "hash"));
  CHECK(code_of(store->create_token(token, "hash")) == "conflict");
  CHECK(store->token_by_hash("hash")->scopes == token.scopes);
  CHECK(store->tokens("", "", 10)->size() == 1);
  CHECK(store->tokens("other", "", 10)->empty());
  REQUIRE(store->put_reply("tok_1", "k", {"f", 201, {{"a", "b"}}, "body", 100}, 0));
  CHECK((*store->reply("tok_1", "k", 100))->body == "body");
  CHECK_FALSE(*store->reply("tok_1", "k", 101));
  CHECK_FALSE(*store->reply("tok_2", "k", 0));
  REQUIRE(store->append_audit({0, 1, "tok_1", "acme", "POST /x", "/x", 201, "r", "c"}));
  CHECK(store->audit("acme", 0, 5)->size() == 1);
  CHECK(store->audit("other", 0, 5)->empty());
  REQUIRE(store->delete_tenant("acme"));
  CHECK(code_of(store->token("tok_1")) == "not_found");
}

void rehearsals_leave_nothing(const StoreFactory& open) {
  const auto store = open();
  make_tenant(*store);
  REQUIRE(store->rehearse([&] {
    put(*store, "a");
    CHECK(store->app(kShop));
    CHECK(store->append_event(kShop, {0, 1, "deployed", "", "m"}));
  }));
  CHECK(code_of(store->app(kShop)) == "not_found");
}

}  // namespace perilune::api::test
