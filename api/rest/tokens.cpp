#include <algorithm>
#include <array>

#include "api/auth/secret.hpp"
#include "api/rest/body.hpp"
#include "api/rest/render.hpp"

namespace perilune::api {
namespace {

/// A token is seen by who could have made it.
bool sees(const Principal& who, const TokenRow& row) {
  return who.is_operator() || (row.tenant == who.tenant && (who.app.empty() || row.app == who.app));
}

/// Nobody gives what they do not have.
void check_grant(const Principal& who, const TokenRow& row, Fields& fields) {
  if (row.scopes.empty()) fields.error("scopes", "name at least one");
  for (std::size_t i = 0; i < row.scopes.size(); ++i) {
    const std::string at = "scopes/" + std::to_string(i);
    if (!is_scope(row.scopes[i]))
      fields.error(at, "no such scope");
    else if (!who.has(row.scopes[i]))
      fields.error(at, "your own token does not have it");
  }
  if (!row.tenant.empty() && !is_slug(row.tenant)) fields.error("tenant", "not a slug");
  if (!row.app.empty() && !is_slug(row.app)) fields.error("app", "not a slug");
  if (!row.app.empty() && row.tenant.empty()) fields.error("app", "needs tenant");
}

Checked<TokenRow> read_token(const Call& call) {
  const auto object = parse_object(call.request.body);
  if (!object) return object.error();
  std::vector<FieldError> errors;
  Fields fields{*object, "", errors};
  TokenRow row;
  row.name = fields.required_text("name", 128).value_or("");
  row.scopes = fields.list("scopes", 32).value_or(std::vector<std::string>{});
  row.tenant = fields.text("tenant", 40).value_or(call.who.tenant);
  row.app = fields.text("app", 40).value_or(call.who.app);
  if (const auto expires = fields.text("expires_at", 64)) {
    const auto time = parse_rfc3339(*expires);
    if (!time || *time <= call.now)
      fields.error("expires_at", "a time to come, such as 2030-01-02T03:04:05Z");
    row.expires = time.value_or(0);
  }
  fields.finish();
  check_grant(call.who, row, fields);
  if (!errors.empty()) return invalid_body(std::move(errors));
  const bool seen = call.who.sees_tenant(row.tenant) && call.who.sees_app(row.app);
  if (!seen || (!row.tenant.empty() && !call.store.tenant(row.tenant)))
    return invalid_body({{"/tenant", "no such tenant or app"}});
  // What a short-lived token makes does not outlive it.
  const auto own = call.store.token(call.who.token);
  if (own && own->expires != 0 && (row.expires == 0 || row.expires > own->expires))
    row.expires = own->expires;
  return row;
}

Reply post_token(Call& call) {
  auto row = read_token(call);
  if (!row) return row.error();
  const std::string secret = new_token_secret();
  row->id = "tok_" + random_hex(10);
  row->created = call.now;
  row->creator = call.who.token;
  if (const auto made = call.store.create_token(*row, token_hash(secret)); !made)
    return Problem{made.error()};
  json::object body = to_json(*row);
  if (!call.dry_run) body["token"] = secret;
  Response response = answer(201, body);
  response.with("location", "/v1/tokens/" + row->id).with("cache-control", "no-store");
  return response;
}

Reply list_tokens(Call& call) {
  const auto asked = page_request(call, false);
  if (!asked) return asked.error();
  const std::string tenant{call.who.is_operator() ? call.query("tenant")
                                                  : std::string_view{call.who.tenant}};
  auto rows = call.store.tokens(tenant, asked->cursor, asked->limit + 1);
  if (!rows) return Problem{rows.error()};
  const std::string next =
      rows->size() > asked->limit ? (*rows)[asked->limit - 1].id : std::string{};
  if (rows->size() > asked->limit) rows->resize(asked->limit);
  json::array items;
  for (const TokenRow& row : *rows) {
    if (sees(call.who, row)) items.push_back(to_json(row));
  }
  return page(call, std::move(items), next);
}

Reply delete_token(Call& call) {
  const auto row = call.store.token(call.param("token"));
  if (!row || !sees(call.who, *row)) return Problem{"not_found", "no such token"};
  if (const auto gone = call.store.delete_token(row->id); !gone) return Problem{gone.error()};
  return no_content();
}

constexpr std::array<Route, 3> kRoutes{{
    {.method = "GET",
     .path = "/v1/tokens",
     .scope = "tokens",
     .summary = "The tokens that this one could have made; never their secrets",
     .query = "tenant limit cursor",
     .handler = list_tokens},
    {.method = "POST",
     .path = "/v1/tokens",
     .scope = "tokens",
     .summary = "Makes a token with at most the own token's rights; its secret is shown once",
     .query = "dry_run",
     .accepts = "application/json",
     .body = "name, scopes; optional tenant, app, expires_at",
     .success = "201",
     .handler = post_token,
     .secret_answer = true},
    {.method = "DELETE",
     .path = "/v1/tokens/{token}",
     .scope = "tokens",
     .summary = "Revokes a token at once",
     .query = "dry_run",
     .success = "204",
     .handler = delete_token},
}};

}  // namespace

std::span<const Route> token_routes() noexcept { return kRoutes; }

}  // namespace perilune::api
