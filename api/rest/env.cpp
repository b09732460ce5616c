#include <array>

#include "api/bundle/bundle.hpp"
#include "api/bundle/ceiling.hpp"
#include "api/bundle/manifest.hpp"
#include "api/rest/body.hpp"
#include "api/rest/deploying.hpp"
#include "api/rest/render.hpp"

namespace perilune::api {
namespace {

std::string etag_of(const EnvRow& row) { return "\"" + std::to_string(row.updated) + "\""; }

const EnvRow* find(const std::vector<EnvRow>& rows, const std::string& name) {
  for (const EnvRow& row : rows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

Reply list_env(Call& call) {
  const auto rows = call.store.env(call.key());
  if (!rows) return Problem{rows.error()};
  json::array items;
  for (const EnvRow& row : *rows) items.push_back(to_json(row));
  return page(call, std::move(items), {});
}

Reply get_env(Call& call) {
  const auto rows = call.store.env(call.key());
  if (!rows) return Problem{rows.error()};
  const EnvRow* row = find(*rows, call.param("name"));
  if (row == nullptr) return Problem{"not_found", "no variable " + call.param("name")};
  Response response = answer(200, to_json(*row));
  response.with("etag", etag_of(*row));
  return response;
}

/// A running app gets its new environment by a deployment of what is deployed.
Checked<void> redeploy(const Call& call, const std::string& message) {
  const auto current = call.store.current_deployment(call.key());
  if (!current && current.error().code == "not_found") return {};
  if (!current) return Problem{current.error()};
  NewDeployment deployment;
  deployment.key = call.key();
  deployment.kind = DeploymentKind::Env;
  deployment.version = current->version;
  deployment.message = message;
  // For a rollback this is still the place in history that it went back to.
  deployment.restores = current->restores;
  const auto row = make_deployment(call, std::move(deployment));
  if (!row) return row.error();
  return {};
}

Checked<std::string> read_value(const Call& call) {
  if (call.request.header("content-type").substr(0, 10) == "text/plain") return call.request.body;
  const auto object = parse_object(call.request.body);
  if (!object) return object.error();
  std::vector<FieldError> errors;
  Fields fields{*object, "", errors};
  auto value = fields.required_text("value", kMostJson);
  fields.finish();
  if (value && value->find('\0') != std::string::npos) fields.error("value", "has a NUL in it");
  if (!errors.empty()) return invalid_body(std::move(errors));
  return std::move(*value);
}

/// Whether the app's variables with `added` stay under the tenant's ceiling.
Checked<void> check_room(const Call& call, const std::vector<EnvRow>& rows, const EnvRow& added) {
  const auto tenant = call.store.tenant(call.param("tenant"));
  if (!tenant) return Problem{tenant.error()};
  const Limits room = held_under(Limits{}, ceiling_of(tenant->limits));
  std::uint64_t count = 1;
  std::uint64_t bytes = added.name.size() + added.value.size();
  for (const EnvRow& row : rows) {
    if (row.name == added.name) continue;
    ++count;
    bytes += row.name.size() + row.value.size();
  }
  const auto over = [](Limit limit, std::uint64_t most, std::uint64_t actual) {
    Problem problem{"env_too_large", "the environment would have " +
                                         format_limit(spec(limit), actual) + ", more than " +
                                         format_limit(spec(limit), most)};
    problem.limit = LimitHit{std::string{spec(limit).key}, most, actual,
                             std::string{unit_name(spec(limit).unit)}};
    return problem;
  };
  if (count > room.raw(Limit::Env)) return over(Limit::Env, room.raw(Limit::Env), count);
  if (bytes > room.raw(Limit::EnvBytes))
    return over(Limit::EnvBytes, room.raw(Limit::EnvBytes), bytes);
  return {};
}

Reply put_env(Call& call) {
  const std::string& name = call.param("name");
  if (!is_env_name(name))
    return Problem{"malformed_request",
                   "a variable's name is letters, digits and _, not beginning with a digit"};
  const auto rows = call.store.env(call.key());
  if (!rows) return Problem{rows.error()};
  const EnvRow* old = find(*rows, name);
  const std::string etag = old == nullptr ? std::string{} : etag_of(*old);
  if ((old != nullptr && call.has_already(etag)) || !call.matches(etag))
    return Problem{"precondition_failed", old == nullptr ? "there is no variable " + name
                                                         : name + " has the ETag " + etag};
  auto value = read_value(call);
  if (!value) return value.error();
  // The ETag is the time: it must move even within a millisecond.
  const UnixMs at = old != nullptr && old->updated >= call.now ? old->updated + 1 : call.now;
  const EnvRow row{name, std::move(*value), at};
  if (const auto room = check_room(call, *rows, row); !room) return room.error();
  const auto created = call.store.put_env(call.key(), row);
  if (!created) return Problem{created.error()};
  if (const auto done = redeploy(call, "set " + name); !done) return done.error();
  Response response = answer(*created ? 201 : 200, to_json(row));
  response.with("etag", etag_of(row));
  return response;
}

Reply delete_env(Call& call) {
  const std::string& name = call.param("name");
  const auto rows = call.store.env(call.key());
  if (!rows) return Problem{rows.error()};
  const EnvRow* row = find(*rows, name);
  if (row == nullptr) return Problem{"not_found", "no variable " + name};
  if (!call.matches(etag_of(*row)))
    return Problem{"precondition_failed", name + " has the ETag " + etag_of(*row)};
  if (const auto gone = call.store.delete_env(call.key(), name); !gone)
    return Problem{gone.error()};
  if (const auto done = redeploy(call, "removed " + name); !done) return done.error();
  return no_content();
}

constexpr std::array<Route, 4> kRoutes{{
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps/{app}/env",
     .scope = "apps:read",
     .summary = "The app's variables (those of its manifest are in the version)",
     .handler = list_env},
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps/{app}/env/{name}",
     .scope = "apps:read",
     .summary = "One variable",
     .handler = get_env},
    {.method = "PUT",
     .path = "/v1/tenants/{tenant}/apps/{app}/env/{name}",
     .scope = "apps:write",
     .summary = "Sets a variable, over the manifest's; a deployed app is deployed anew with it",
     .query = "dry_run",
     .accepts = "application/json text/plain",
     .body = "value, or the value itself as text/plain",
     .success = "200 201",
     .handler = put_env},
    {.method = "DELETE",
     .path = "/v1/tenants/{tenant}/apps/{app}/env/{name}",
     .scope = "apps:write",
     .summary = "Removes a variable; a deployed app is deployed anew without it",
     .query = "dry_run",
     .success = "204",
     .handler = delete_env},
}};

}  // namespace

std::span<const Route> env_routes() noexcept { return kRoutes; }

}  // namespace perilune::api
