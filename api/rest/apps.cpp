#include <array>

#include "api/rest/body.hpp"
#include "api/rest/render.hpp"

namespace perilune::api {
namespace {

Response app_answer(const Call& call, unsigned status, const AppRow& row) {
  Response response = answer(status, app_json(call, row));
  response.with("etag", etag_of(row));
  return response;
}

Reply list_apps(Call& call) {
  const auto asked = page_request(call, false);
  if (!asked) return asked.error();
  if (const auto tenant = call.store.tenant(call.param("tenant")); !tenant)
    return Problem{tenant.error()};
  if (!call.who.app.empty()) {
    const auto own = call.store.app({call.param("tenant"), call.who.app});
    return page(call, own ? json::array{app_json(call, *own)} : json::array{}, {});
  }
  const auto rows = call.store.apps(call.param("tenant"), asked->cursor, asked->limit + 1);
  if (!rows) return Problem{rows.error()};
  return page_of(
      call, *asked, *rows, [&](const AppRow& row) { return app_json(call, row); },
      [](const AppRow& row) { return row.key.app; });
}

Reply get_app(Call& call) {
  const auto row = call.store.app(call.key());
  if (!row) return Problem{row.error()};
  return app_answer(call, 200, *row);
}

/// Reads description and labels; what the body leaves out keeps the row's value.
Checked<void> read_settings(const Call& call, AppRow& row) {
  const auto object = parse_object(call.request.body.empty() ? "{}" : call.request.body);
  if (!object) return object.error();
  std::vector<FieldError> errors;
  Fields fields{*object, "", errors};
  if (auto description = fields.text("description", 1024)) row.description = *description;
  if (auto labels = fields.map("labels", 64)) row.labels = *labels;
  fields.finish();
  if (!errors.empty()) return invalid_body(std::move(errors));
  return {};
}

Problem stale(const AppRow& row) {
  return {"precondition_failed", "app " + row.key.app + " has the ETag " + etag_of(row)};
}

Reply put_app(Call& call) {
  const auto existing = call.store.app(call.key());
  if (!existing && existing.error().code != "not_found") return Problem{existing.error()};
  if (existing && call.has_already(etag_of(*existing))) return stale(*existing);
  AppRow row;
  row.key = call.key();
  if (const auto read = read_settings(call, row); !read) return read.error();
  if (!existing) {
    if (!call.request.header("if-match").empty())
      return Problem{"precondition_failed", "there is no app " + row.key.app};
    row.created = call.now;
    const auto made = call.store.create_app(row);
    if (!made) return no_such_tenant(call.who, row.key.tenant, made.error());
    Response response = app_answer(call, 201, *made);
    response.with("location", call.target.path);
    return response;
  }
  if (!call.matches(etag_of(*existing))) return stale(*existing);
  row.revision = existing->revision;
  row.updated = call.now;
  const auto now = call.store.update_app(row);
  if (!now) return Problem{now.error()};
  return app_answer(call, 200, *now);
}

Reply patch_app(Call& call) {
  auto row = call.store.app(call.key());
  if (!row) return Problem{row.error()};
  if (!call.matches(etag_of(*row))) return stale(*row);
  if (const auto read = read_settings(call, *row); !read) return read.error();
  row->updated = call.now;
  const auto now = call.store.update_app(*row);
  if (!now) return Problem{now.error()};
  return app_answer(call, 200, *now);
}

Reply delete_app(Call& call) {
  const auto row = call.store.app(call.key());
  if (!row) return Problem{row.error()};
  if (!call.matches(etag_of(*row))) return stale(*row);
  if (const auto gone = call.store.delete_app(row->key); !gone) return Problem{gone.error()};
  call.changed(row->key);
  return answer(202, json::object{{"tenant", row->key.tenant}, {"slug", row->key.app}});
}

constexpr std::string_view kSettings = "optional description, labels (strings by name)";
constexpr std::array<Route, 5> kRoutes{{
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps",
     .scope = "apps:read",
     .summary = "The tenant's apps with their status",
     .query = "limit cursor",
     .handler = list_apps},
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps/{app}",
     .scope = "apps:read",
     .summary = "One app with its address and status",
     .handler = get_app},
    {.method = "PUT",
     .path = "/v1/tenants/{tenant}/apps/{app}",
     .scope = "apps:write",
     .summary = "Makes the app or replaces its settings (If-None-Match: * only makes)",
     .query = "dry_run",
     .accepts = "application/json",
     .body = kSettings,
     .success = "200 201",
     .handler = put_app},
    {.method = "PATCH",
     .path = "/v1/tenants/{tenant}/apps/{app}",
     .scope = "apps:write",
     .summary = "Changes settings",
     .query = "dry_run",
     .accepts = "application/json",
     .body = kSettings,
     .handler = patch_app},
    {.method = "DELETE",
     .path = "/v1/tenants/{tenant}/apps/{app}",
     .scope = "apps:write",
     .summary = "Deletes the app with its versions, deployments and logs",
     .query = "dry_run",
     .success = "202",
     .handler = delete_app},
}};

}  // namespace

std::span<const Route> app_routes() noexcept { return kRoutes; }

}  // namespace perilune::api
