#include <array>

#include "api/rest/body.hpp"
#include "api/rest/render.hpp"

namespace perilune::api {
namespace {

Response tenant_answer(unsigned status, const TenantRow& row) {
  Response response = answer(status, to_json(row));
  response.with("etag", etag_of(row));
  return response;
}

Reply list_tenants(Call& call) {
  const auto asked = page_request(call, false);
  if (!asked) return asked.error();
  if (!call.who.is_operator()) {
    const auto own = call.store.tenant(call.who.tenant);
    if (!own) return Problem{own.error()};
    return page(call, json::array{to_json(*own)}, {});
  }
  const auto rows = call.store.tenants(asked->cursor, asked->limit + 1);
  if (!rows) return Problem{rows.error()};
  return page_of(
      call, *asked, *rows, [](const TenantRow& row) { return to_json(row); },
      [](const TenantRow& row) { return row.slug; });
}

/// Reads `class` and `limits` of a body into `row`.
void read_settings(Fields& fields, TenantRow& row) {
  for (const auto& [limit, value] : fields.limits("limits")) {
    if (value)
      row.limits[limit] = *value;
    else
      row.limits.erase(limit);
  }
  if (const auto jit = fields.text("class", 16)) {
    if (*jit != "strict" && *jit != "fast") fields.error("class", "\"strict\" or \"fast\"");
    row.jit = *jit == "fast";
  }
  fields.finish();
}

Reply post_tenant(Call& call) {
  const auto object = parse_object(call.request.body);
  if (!object) return object.error();
  std::vector<FieldError> errors;
  Fields fields{*object, "", errors};
  TenantRow row;
  row.created = call.now;
  const auto slug = fields.required_text("slug", 40);
  if (slug) row.slug = *slug;
  if (slug && !is_slug(*slug))
    fields.error("slug", "lower-case letters, digits and inner hyphens, at most 40");
  read_settings(fields, row);
  if (!errors.empty()) return invalid_body(std::move(errors));
  const auto made = call.store.create_tenant(row);
  if (!made) return Problem{made.error()};
  Response response = tenant_answer(201, *made);
  response.with("location", "/v1/tenants/" + made->slug);
  return response;
}

Reply get_tenant(Call& call) {
  const auto row = call.store.tenant(call.param("tenant"));
  if (!row) return Problem{row.error()};
  return tenant_answer(200, *row);
}

/// Every app of the tenant follows.
Checked<void> tell_apps(const Call& call, const std::string& tenant) {
  std::string after;
  for (;;) {
    const auto rows = call.store.apps(tenant, after, 500);
    if (!rows) return Problem{rows.error()};
    for (const AppRow& row : *rows) call.changed(row.key);
    if (rows->size() < 500) return {};
    after = rows->back().key.app;
  }
}

Reply change(Call& call, TenantRow row, unsigned status) {
  if (!call.matches(etag_of(row)))
    return Problem{"precondition_failed", "tenant " + row.slug + " has the ETag " + etag_of(row)};
  row.updated = call.now;
  const auto now = call.store.update_tenant(row);
  if (!now) return Problem{now.error()};
  if (const auto told = tell_apps(call, row.slug); !told) return told.error();
  return tenant_answer(status, *now);
}

Reply patch_tenant(Call& call) {
  auto row = call.store.tenant(call.param("tenant"));
  if (!row) return Problem{row.error()};
  const auto object = parse_object(call.request.body);
  if (!object) return object.error();
  std::vector<FieldError> errors;
  Fields fields{*object, "", errors};
  read_settings(fields, *row);
  if (!errors.empty()) return invalid_body(std::move(errors));
  return change(call, std::move(*row), 200);
}

Reply delete_tenant(Call& call) {
  const auto row = call.store.tenant(call.param("tenant"));
  if (!row) return Problem{row.error()};
  if (!call.matches(etag_of(*row)))
    return Problem{"precondition_failed", "the tenant's ETag is " + etag_of(*row)};
  const auto gone = call.store.delete_tenant(row->slug);
  if (!gone) return Problem{gone.error()};
  for (const AppKey& key : *gone) call.changed(key);
  return answer(202, json::object{{"slug", row->slug}, {"apps_deleted", gone->size()}});
}

Reply set_suspended(Call& call, bool suspended) {
  auto row = call.store.tenant(call.param("tenant"));
  if (!row) return Problem{row.error()};
  row->suspended = suspended;
  return change(call, std::move(*row), 202);
}

Reply suspend_tenant(Call& call) { return set_suspended(call, true); }
Reply resume_tenant(Call& call) { return set_suspended(call, false); }

constexpr std::array<Route, 7> kRoutes{{
    {.method = "GET",
     .path = "/v1/tenants",
     .summary = "The tenants that the token sees",
     .query = "limit cursor",
     .handler = list_tenants},
    {.method = "POST",
     .path = "/v1/tenants",
     .scope = "tenants",
     .summary = "Makes a tenant",
     .query = "dry_run",
     .accepts = "application/json",
     .body = "slug; optional limits (ceilings by name), class (strict or fast)",
     .success = "201",
     .handler = post_tenant,
     .operators = true},
    {.method = "GET",
     .path = "/v1/tenants/{tenant}",
     .summary = "One tenant",
     .handler = get_tenant},
    {.method = "PATCH",
     .path = "/v1/tenants/{tenant}",
     .scope = "tenants",
     .summary = "Changes limits (null takes one back) and class",
     .query = "dry_run",
     .accepts = "application/json",
     .body = "limits, class",
     .handler = patch_tenant,
     .operators = true},
    {.method = "DELETE",
     .path = "/v1/tenants/{tenant}",
     .scope = "tenants",
     .summary = "Deletes the tenant with its apps, tokens and logs",
     .query = "dry_run",
     .success = "202",
     .handler = delete_tenant,
     .operators = true},
    {.method = "POST",
     .path = "/v1/tenants/{tenant}/suspend",
     .scope = "tenants",
     .summary = "Stops all of the tenant's apps at once",
     .query = "dry_run",
     .success = "202",
     .handler = suspend_tenant,
     .operators = true},
    {.method = "POST",
     .path = "/v1/tenants/{tenant}/resume",
     .scope = "tenants",
     .summary = "Lets a suspended tenant's apps serve again",
     .query = "dry_run",
     .success = "202",
     .handler = resume_tenant,
     .operators = true},
}};

}  // namespace

std::span<const Route> tenant_routes() noexcept { return kRoutes; }

}  // namespace perilune::api
