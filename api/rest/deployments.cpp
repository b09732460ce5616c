#include <array>
#include <charconv>

#include "api/rest/body.hpp"
#include "api/rest/deploying.hpp"
#include "api/rest/render.hpp"

namespace perilune::api {

Checked<bool> wants_ready(const Call& call) {
  if (!call.target.has("wait")) return false;
  if (call.query("wait") == "ready") return true;
  return Problem{"invalid_query", "wait takes the value ready"};
}

Checked<std::optional<std::uint64_t>> wanted_generation(const Call& call) {
  std::string_view tag = call.request.header("if-match");
  if (tag.empty() || tag == "*") return std::optional<std::uint64_t>{};
  std::uint64_t generation = 0;
  if (tag.size() > 2 && tag.front() == '"' && tag.back() == '"') {
    tag = tag.substr(1, tag.size() - 2);
    const auto [rest, error] = std::from_chars(tag.data(), tag.data() + tag.size(), generation);
    if (error == std::errc{} && rest == tag.data() + tag.size())
      return std::optional<std::uint64_t>{generation};
  }
  return Problem{"precondition_failed", "If-Match names no generation"};
}

Checked<DeploymentRow> make_deployment(const Call& call, NewDeployment deployment) {
  static constexpr std::array<const char*, 3> kEvents{"deployed", "rolled_back", "env_changed"};
  deployment.who = call.who.token;
  deployment.at = call.now;
  auto row = call.store.deploy(deployment);
  if (!row) return Problem{row.error()};
  call.event(deployment.key, kEvents.at(static_cast<std::size_t>(deployment.kind)), row->version,
             deployment.message);
  call.changed(deployment.key);
  return std::move(*row);
}

Checked<DeploymentRow> await_ready(const Call& call, const AppKey& key, DeploymentRow row) {
  const auto tenant = call.store.tenant(key.tenant);
  if (!tenant) return Problem{tenant.error()};
  if (tenant->suspended)
    return Problem{"tenant_suspended",
                   "generation " + std::to_string(row.generation) +
                       " is deployed, but serves only when the tenant is resumed"};
  const auto ready = call.host.wait_ready(key, row.generation);
  const std::string code = ready ? std::string{} : ready.error().code;
  const bool failed = code == "start_failed" || code == "crash_loop";
  if (ready || failed) {
    row.state = ready ? DeploymentState::Ready : DeploymentState::Failed;
    // A later deployment or a deletion may have taken the row: then there is nothing to note.
    (void)call.store.mark_deployment(row.generation, row.state);
  }
  if (ready) return row;
  return Problem{failed ? "start_failed" : "not_ready",
                 "generation " + std::to_string(row.generation) + " of version " + row.version +
                     ": " + ready.error().detail};
}

namespace {

Response deployment_answer(const Call& call, unsigned status, const DeploymentRow& row) {
  json::object body = to_json(row);
  body["url"] = app_url(call.config, call.key());
  Response response = answer(status, body);
  response.with("etag", "\"" + std::to_string(row.generation) + "\"");
  if (status == 201)
    response.with("location", "/v1/tenants/" + call.param("tenant") + "/apps/" + call.param("app") +
                                  "/deployments/current");
  return response;
}

/// Stores, and waits if asked to; a dry run stores in a rehearsal and does not wait.
Reply perform(Call& call, NewDeployment deployment) {
  const auto wait = wants_ready(call);
  if (!wait) return wait.error();
  const auto generation = wanted_generation(call);
  if (!generation) return generation.error();
  deployment.key = call.key();
  deployment.if_generation = *generation;
  Checked<DeploymentRow> row = Problem{"internal", "the rehearsal did not take place"};
  if (call.dry_run) {
    const auto done = call.store.rehearse([&] { row = make_deployment(call, deployment); });
    if (!done) return Problem{done.error()};
  } else {
    row = make_deployment(call, deployment);
    if (row && *wait) row = await_ready(call, call.key(), *row);
  }
  if (!row) return row.error();
  return deployment_answer(call, 201, *row);
}

Reply post_deployment(Call& call) {
  const auto object = parse_object(call.request.body);
  if (!object) return object.error();
  if (const auto app = call.store.app(call.key()); !app) return Problem{app.error()};
  std::vector<FieldError> errors;
  Fields fields{*object, "", errors};
  NewDeployment deployment;
  for (const char* later : {"split", "canary"}) {
    if (object->contains(later)) {
      errors.push_back({std::string{"/"} + later, "this version deploys one version at a time"});
      return invalid_body(std::move(errors));
    }
  }
  const auto version = fields.required_text("version", 64);
  deployment.message = fields.text("message", 1024).value_or("");
  fields.finish();
  if (!errors.empty()) return invalid_body(std::move(errors));
  auto id = call.store.resolve_version(call.key(), *version);
  if (!id && id.error().code == "not_found")
    return invalid_body({{"/version", "the app has no version " + *version}});
  if (!id) return Problem{id.error()};
  deployment.version = std::move(*id);
  return perform(call, std::move(deployment));
}

Reply post_rollback(Call& call) {
  const auto object = parse_object(call.request.body.empty() ? "{}" : call.request.body);
  if (!object) return object.error();
  if (const auto app = call.store.app(call.key()); !app) return Problem{app.error()};
  std::vector<FieldError> errors;
  Fields fields{*object, "", errors};
  NewDeployment deployment;
  deployment.kind = DeploymentKind::Rollback;
  deployment.message = fields.text("message", 1024).value_or("");
  fields.finish();
  if (!errors.empty()) return invalid_body(std::move(errors));
  auto target = call.store.rollback_target(call.key());
  if (!target && target.error().code == "not_found")
    return Problem{"nothing_to_roll_back", "nothing is deployed"};
  if (!target) return Problem{target.error()};
  deployment.version = target->version;
  deployment.restores = target->generation;
  return perform(call, std::move(deployment));
}

Reply list_deployments(Call& call) {
  const auto asked = page_request(call, true);
  if (!asked) return asked.error();
  const auto rows = call.store.deployments(call.key(), asked->number, asked->limit + 1);
  if (!rows) return Problem{rows.error()};
  return page_of(
      call, *asked, *rows, [](const DeploymentRow& row) { return to_json(row); },
      [](const DeploymentRow& row) { return std::to_string(row.generation); });
}

Reply get_current(Call& call) {
  const auto row = call.store.current_deployment(call.key());
  if (!row) return Problem{row.error()};
  return deployment_answer(call, 200, *row);
}

constexpr std::array<Route, 4> kRoutes{{
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps/{app}/deployments",
     .scope = "apps:read",
     .summary = "The app's deployments, newest first",
     .query = "limit cursor",
     .handler = list_deployments},
    {.method = "POST",
     .path = "/v1/tenants/{tenant}/apps/{app}/deployments",
     .scope = "deploy",
     .summary = "Deploys a version; no request fails over it (If-Match: the current generation)",
     .query = "wait dry_run",
     .accepts = "application/json",
     .body = "version; optional message",
     .success = "201",
     .handler = post_deployment,
     .suspends = true},
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps/{app}/deployments/current",
     .scope = "apps:read",
     .summary = "What is deployed",
     .handler = get_current},
    {.method = "POST",
     .path = "/v1/tenants/{tenant}/apps/{app}/deployments/rollback",
     .scope = "deploy",
     .summary = "Deploys the previous good version; again: the one before that",
     .query = "wait dry_run",
     .accepts = "application/json",
     .body = "nothing, or message",
     .success = "201",
     .handler = post_rollback,
     .suspends = true},
}};

}  // namespace

std::span<const Route> deployment_routes() noexcept { return kRoutes; }

}  // namespace perilune::api
