#include <algorithm>
#include <array>

#include "api/bundle/ceiling.hpp"
#include "api/rest/openapi.hpp"
#include "api/rest/render.hpp"

namespace perilune::api {
namespace {

Reply get_openapi(Call& call) {
  Response response{200, {}, openapi_document(call.config)};
  response.with("content-type", "application/json");
  return response;
}

Reply get_whoami(Call& call) {
  json::array scopes(call.who.scopes.begin(), call.who.scopes.end());
  const auto or_null = [](const std::string& text) {
    return text.empty() ? json::value{} : json::value(text);
  };
  return answer(200, json::object{{"token", call.who.token},
                                  {"scopes", std::move(scopes)},
                                  {"tenant", or_null(call.who.tenant)},
                                  {"app", or_null(call.who.app)},
                                  {"version", call.config.version},
                                  {"isolation", call.host.isolation_level()}});
}

struct Effective {
  LimitOverrides overrides;
  Limits asked;
  bool has_app = false;
};

/// What holds for the tenant and app that the query names, or the token's own.
Checked<Effective> effective(Call& call) {
  Effective found;
  const std::string tenant{call.target.has("tenant") ? call.query("tenant")
                                                     : std::string_view{call.who.tenant}};
  const std::string app{call.target.has("app") ? call.query("app")
                                               : std::string_view{call.who.app}};
  if (tenant.empty()) {
    if (app.empty()) return found;
    return Problem{"invalid_query", "app needs tenant"};
  }
  const Problem hidden{"not_found", "no tenant " + tenant};
  if (!call.who.sees_tenant(tenant) || !call.who.sees_app(app.empty() ? call.who.app : app))
    return hidden;
  const auto row = call.store.tenant(tenant);
  if (!row) return Problem{row.error()};
  found.overrides = row->limits;
  if (app.empty()) return found;
  const auto deployed = call.store.deployed({tenant, app});
  if (!deployed) return Problem{deployed.error()};
  if (deployed->version.empty()) return found;
  const auto version = call.store.version({tenant, app}, deployed->version);
  if (!version) return Problem{version.error()};
  found.asked = version->manifest.limits;
  found.has_app = true;
  return found;
}

Reply get_limits(Call& call) {
  const auto found = effective(call);
  if (!found) return found.error();
  const Limits ceiling = ceiling_of(found->overrides);
  json::array items;
  for (const LimitSpec& row : limit_specs()) {
    const bool plan = is_plan_limit(row.limit);
    const std::uint64_t most = ceiling.raw(row.limit);
    const std::uint64_t asked = plan ? most : found->asked.raw(row.limit);
    const bool overridden = found->overrides.count(row.limit) != 0;
    const char* source = asked > most || (plan && overridden)   ? "tenant"
                         : found->has_app && asked != row.value ? "manifest"
                                                                : "default";
    items.push_back(json::object{{"name", row.key},
                                 {"value", std::min(asked, most)},
                                 {"source", source},
                                 {"unit", unit_name(row.unit)},
                                 {"default", row.value},
                                 {"minimum", row.minimum},
                                 {"ceiling", most},
                                 {"ceiling_source", overridden ? "tenant" : "default"},
                                 {"what", row.what}});
  }
  return answer(200, json::object{{"items", std::move(items)}, {"next_cursor", nullptr}});
}

Reply get_nodes(Call& call) {
  return answer(
      200,
      json::object{{"items", json::array{json::object{{"name", call.config.node},
                                                      {"state", "ready"},
                                                      {"isolation", call.host.isolation_level()},
                                                      {"version", call.config.version}}}},
                   {"next_cursor", nullptr}});
}

Reply get_audit(Call& call) {
  const auto asked = page_request(call, true);
  if (!asked) return asked.error();
  std::string tenant{call.query("tenant")};
  if (!call.who.is_operator()) {
    if (!tenant.empty() && tenant != call.who.tenant)
      return Problem{"not_found", "no tenant " + tenant};
    tenant = call.who.tenant;
  }
  const auto rows =
      call.store.audit(tenant, static_cast<std::int64_t>(asked->number), asked->limit + 1);
  if (!rows) return Problem{rows.error()};
  return page_of(
      call, *asked, *rows, [](const AuditRow& row) { return to_json(row); },
      [](const AuditRow& row) { return std::to_string(row.sequence); });
}

constexpr std::array<Route, 5> kRoutes{{
    {.method = "GET",
     .path = "/v1/openapi.json",
     .summary = "This API as an OpenAPI 3.1 document",
     .handler = get_openapi,
     .open = true},
    {.method = "GET",
     .path = "/v1/whoami",
     .summary = "The token, what it may do, and the version and isolation of the host",
     .handler = get_whoami},
    {.method = "GET",
     .path = "/v1/limits",
     .summary = "Every limit: its value and where that comes from, its default and its bounds",
     .query = "tenant app",
     .handler = get_limits},
    {.method = "GET",
     .path = "/v1/nodes",
     .scope = "nodes",
     .summary = "The nodes of this installation",
     .handler = get_nodes,
     .operators = true},
    {.method = "GET",
     .path = "/v1/audit",
     .scope = "audit:read",
     .summary = "Who changed what, newest first",
     .query = "tenant limit cursor",
     .handler = get_audit},
}};

}  // namespace

std::span<const Route> general_routes() noexcept { return kRoutes; }

}  // namespace perilune::api
