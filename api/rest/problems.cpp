#include "api/rest/problems.hpp"

#include <array>

#include "api/rest/render.hpp"
#include "runtime/base/log.hpp"

namespace perilune::api {
namespace {

constexpr std::array<ProblemSpec, 38> kSpecs{{
    {"internal", 500, "Internal error", "Report it with the request id."},
    {"malformed_request", 400, "The request cannot be read", "The detail says what is wrong."},
    {"malformed_json", 400, "The body is not JSON", "Send one JSON object in UTF-8."},
    {"invalid_query", 400, "A query parameter is wrong", "The detail names it."},
    {"unauthenticated", 401, "A valid token is needed",
     "Send Authorization: Bearer plt_...; DATA/admin.token holds the operator's."},
    {"forbidden", 403, "The token may not do this",
     "Use a token that has the scope in required_scope."},
    {"not_found", 404, "There is no such thing", "Or this token may not see it."},
    {"method_not_allowed", 405, "The resource has no such method", "See the header Allow."},
    {"not_acceptable", 406, "The response cannot be had in this form", "See the detail."},
    {"conflict", 409, "It exists, or is in use", "Choose another name, or look at what is there."},
    {"version_in_use", 409, "The version is deployed", "Deploy another version first."},
    {"ambiguous_version", 409, "More than one version begins so", "Use more digits."},
    {"nothing_to_roll_back", 409, "There is no earlier good version", "Deploy a version instead."},
    {"tenant_suspended", 409, "The tenant is suspended", "Resume the tenant first."},
    {"idempotency_in_progress", 409, "The first request with this key is still running",
     "Try again after Retry-After."},
    {"precondition_failed", 412, "It has changed since you read it",
     "Read it again and repeat with the new ETag."},
    {"body_too_large", 413, "The request's body is too large", "See limit."},
    {"bundle_too_large", 413, "The bundle is too large",
     "See limit; leave out what is not needed."},
    {"unsupported_media_type", 415, "The body's type is not taken here",
     "The detail names the types that are."},
    {"invalid_body", 422, "The body has wrong members", "See errors."},
    {"idempotency_key_reuse", 422, "The key was used for another request",
     "Use a new Idempotency-Key for a new request."},
    {"bundle_rejected", 422, "The bundle did not pass the upload checks", "See diagnostics."},
    {"bad_bundle", 422, "The bundle cannot be read", "The detail names the file."},
    {"too_many_files", 422, "The bundle has too many files", "See bundle_files in the limits."},
    {"worker_crashed", 422, "The bundle killed the worker that checked it",
     "Look for what uses up memory or CPU while the app starts."},
    {"wall_limit", 422, "The check took too long", "See startup_wall_ms in the limits."},
    {"env_too_large", 422, "The environment is too large", "See env and env_bytes in the limits."},
    {"rate_limited", 429, "Too many failed attempts", "Wait for Retry-After."},
    {"overloaded", 503, "No worker could be had in time", "Try again after Retry-After."},
    {"isolation_failed", 503, "The sandbox cannot be set up", "Run perilune doctor."},
    {"start_failed", 503, "The deployed version does not start",
     "It is deployed all the same: read the app's log, then roll back or deploy a better one."},
    {"not_ready", 503, "The deployment is not ready yet",
     "It is stored and goes on: see the app's status and events."},
    {"vm_gone", 503, "The VM ended while it was asked", "Look at the app's events, and ask again."},
    {"not_answering", 504, "The VM does not answer",
     "One thing in it takes long, and nothing can interrupt that. Ask again."},
    {"draining", 503, "The server is shutting down", "Try again."},
    {"storage_unavailable", 503, "The store does not answer", "Look at the host's log and disk."},
    {"schema_too_new", 503, "The store is of a newer Perilune", "Upgrade this node."},
    {"storage_full", 507, "The data directory's disk is full", "Make room, then try again."},
}};

json::array diagnostics_of(const std::vector<Diagnostic>& list) {
  json::array array;
  for (const Diagnostic& diagnostic : list) array.push_back(to_json(diagnostic));
  return array;
}

json::array errors_of(const std::vector<FieldError>& list) {
  json::array array;
  for (const FieldError& error : list)
    array.push_back(json::object{{"pointer", error.pointer}, {"message", error.message}});
  return array;
}

}  // namespace

std::span<const ProblemSpec> problem_specs() noexcept { return kSpecs; }

const ProblemSpec& problem_spec(std::string_view code) noexcept {
  for (const ProblemSpec& row : kSpecs) {
    if (row.code == code) return row;
  }
  return kSpecs[0];
}

std::string_view unit_name(Unit unit) noexcept {
  switch (unit) {
    case Unit::Bytes: return "bytes";
    case Unit::Milliseconds: return "ms";
    case Unit::PerSecond: return "per_second";
    case Unit::Count: break;
  }
  return "count";
}

Response render_problem(const Problem& problem, std::string_view instance,
                        std::string_view request_id) {
  const ProblemSpec& row = problem_spec(problem.code);
  const bool internal = row.code == "internal";
  if (internal)
    log::error("control API: internal error", {{"request_id", request_id},
                                               {"code", std::string_view{problem.code}},
                                               {"detail", std::string_view{problem.detail}}});
  json::object body{{"type", "https://perilune.dev/problems/" + std::string{row.code}},
                    {"title", row.title},
                    {"status", row.status},
                    {"detail", internal ? std::string{row.help} : problem.detail},
                    {"instance", instance},
                    {"code", row.code},
                    {"help", problem.help.empty() ? row.help : std::string_view{problem.help}},
                    {"request_id", request_id}};
  if (!problem.errors.empty()) body["errors"] = errors_of(problem.errors);
  if (!problem.diagnostics.empty()) body["diagnostics"] = diagnostics_of(problem.diagnostics);
  if (!problem.required_scope.empty()) body["required_scope"] = problem.required_scope;
  if (problem.limit)
    body["limit"] = json::object{{"name", problem.limit->name},
                                 {"limit", problem.limit->limit},
                                 {"actual", problem.limit->actual},
                                 {"unit", problem.limit->unit}};
  Response response{row.status, {}, json::serialize(body) + "\n"};
  response.with("content-type", "application/problem+json");
  if (row.status == 401) response.with("www-authenticate", "Bearer realm=\"perilune\"");
  if (!problem.allow.empty()) response.with("allow", problem.allow);
  const std::uint32_t wait = problem.retry_after_s != 0 ? problem.retry_after_s
                             : row.status == 503        ? 1U
                                                        : 0U;
  if (wait != 0) response.with("retry-after", std::to_string(wait));
  return response;
}

}  // namespace perilune::api
