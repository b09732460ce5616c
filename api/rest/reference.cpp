#include "api/rest/openapi.hpp"
#include "api/rest/routes.hpp"
#include "runtime/outcome.hpp"

namespace perilune::api {
namespace {

void row(std::string& out, std::initializer_list<std::string> cells) {
  for (const std::string& cell : cells) out += "| " + cell + " ";
  out += "|\n";
}

std::string code(std::string_view text) {
  return text.empty() ? std::string{} : "`" + std::string{text} + "`";
}

}  // namespace

std::string rest_reference() {
  std::string out =
      "# The control API\n\n"
      "On the admin listener, under `/v1`; JSON, `snake_case`, times in RFC 3339 UTC, sizes in "
      "bytes.\nThis page is made from the route table, as is `/v1/openapi.json`.\n\n"
      "* `Authorization: Bearer plt_...`; the operator's token is in `DATA/admin.token`. What a "
      "token may not see is 404.\n"
      "* Lists: `?limit=1..1000&cursor=` and `{\"items\":[...],\"next_cursor\":...}` with a "
      "`Link` header.\n"
      "* Writes: `?dry_run=true` does everything but keep it. `ETag` with `If-Match`; "
      "`If-None-Match: *` on PUT only makes.\n"
      "* `Idempotency-Key` on POST: the same request gets its first response again for 24 hours "
      "(`Idempotency-Replayed: true`); of a new token the secret is left out then.\n"
      "* Every response has `Perilune-Request-Id`. Errors: [errors.md](errors.md).\n"
      "* Versions are named by 64 hex digits or any unique prefix of at least 8.\n\n";
  row(out, {"request", "what", "scope", "query", "body", "success"});
  row(out, {"---", "---", "---", "---", "---", "---"});
  for (const Route* route : all_routes())
    row(out, {code(std::string{route->method} + " " + std::string{route->path}),
              std::string{route->summary},
              route->open            ? "none, no token"
              : route->scope.empty() ? "any token"
                                     : code(route->scope),
              std::string{route->query}, std::string{route->body}, std::string{route->success}});
  out += "\n## Scopes\n\n";
  row(out, {"scope", "allows to"});
  row(out, {"---", "---"});
  for (const ScopeSpec& scope : scope_specs())
    row(out, {code(scope.scope), std::string{scope.what}});
  out +=
      "\nA token may be bound to a tenant, or to one app of it; it makes tokens with its own "
      "rights at most.\n";
  return out;
}

std::string error_reference() {
  std::string out =
      "# Errors\n\nCodes are stable; this page is made from the tables in "
      "`api/rest/problems.cpp` and `runtime/outcome.cpp`.\n\n"
      "## Of the control API\n\n`application/problem+json` (RFC 9457) with `type title status "
      "detail instance code help request_id` and, where they apply, `required_scope`, "
      "`limit{name,limit,actual,unit}`, `errors[{pointer,message}]`, "
      "`diagnostics[{severity,code,file,line,column,message,excerpt,help}]`.\n\n";
  row(out, {"code", "status", "title", "what to do"});
  row(out, {"---", "---", "---", "---"});
  for (const ProblemSpec& spec : problem_specs())
    row(out, {code(spec.code), std::to_string(spec.status), std::string{spec.title},
              std::string{spec.help}});
  out +=
      "\n## Of the gateway\n\nWhat an app's clients get when Perilune, not the app, answers: "
      "header `Perilune-Error: CODE` and a small problem.\n\n";
  row(out, {"code", "status", "title", "what to do"});
  row(out, {"---", "---", "---", "---"});
  for (const ErrorCode& error : error_codes())
    row(out, {code(error.code), std::to_string(error.status), std::string{error.title},
              std::string{error.help}});
  return out;
}

}  // namespace perilune::api
