#pragma once

/// @file
/// Who asks, and what they may do: scopes × tenant × app.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/model.hpp"

namespace perilune::api {

/// What a scope allows, for the documentation.
struct ScopeSpec {
  std::string_view scope;
  std::string_view what;
};
/// All scopes; `*` stands for all of them.
[[nodiscard]] std::span<const ScopeSpec> scope_specs() noexcept;
[[nodiscard]] bool is_scope(std::string_view scope) noexcept;

/// The bearer of a token.
struct Principal {
  std::string token;  ///< id
  std::vector<std::string> scopes;
  std::string tenant;  ///< empty: every tenant
  std::string app;     ///< empty: every app

  [[nodiscard]] bool has(std::string_view scope) const noexcept;
  [[nodiscard]] bool sees_tenant(std::string_view slug) const noexcept {
    return tenant.empty() || tenant == slug;
  }
  [[nodiscard]] bool sees_app(std::string_view slug) const noexcept {
    return app.empty() || app == slug;
  }
  [[nodiscard]] bool is_operator() const noexcept { return tenant.empty(); }
};

/// `[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?`
[[nodiscard]] bool is_slug(std::string_view text) noexcept;

}  // namespace perilune::api
