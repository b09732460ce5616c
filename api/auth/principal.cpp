#include "api/auth/principal.hpp"

#include <algorithm>
#include <array>

namespace perilune::api {
namespace {

constexpr std::array<ScopeSpec, 9> kScopes{{
    {"*", "everything below"},
    {"tenants", "make, change, suspend and delete tenants (tokens of no tenant only)"},
    {"apps:read", "see apps, versions, source, deployments, environment and events"},
    {"apps:write", "make, change and delete apps and their environment"},
    {"deploy", "upload, check, deploy, roll back and delete versions"},
    {"logs:read", "read the apps' logs"},
    {"tokens", "make, list and revoke tokens"},
    {"audit:read", "read the audit log"},
    {"nodes", "see the nodes (tokens of no tenant only)"},
}};

}  // namespace

std::span<const ScopeSpec> scope_specs() noexcept { return kScopes; }

bool is_scope(std::string_view scope) noexcept {
  return std::any_of(kScopes.begin(), kScopes.end(),
                     [&](const ScopeSpec& row) { return row.scope == scope; });
}

bool Principal::has(std::string_view scope) const noexcept {
  return scope.empty() || std::any_of(scopes.begin(), scopes.end(), [&](const std::string& mine) {
           return mine == "*" || mine == scope;
         });
}

bool is_slug(std::string_view text) noexcept {
  const auto alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 40 && alnum(text.front()) && alnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return alnum(c) || c == '-'; });
}

}  // namespace perilune::api
