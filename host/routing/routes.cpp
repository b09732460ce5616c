#include "host/routing/routes.hpp"

#include "host/http1/bytes.hpp"

namespace perilune::host {
namespace {

constexpr std::size_t kMaxHost = 253;
constexpr std::size_t kMaxLabel = 63;

/// Digits only, 0 to 65535. "host:" without a port is legal (RFC 3986 section 3.2.3).
bool valid_port(std::string_view port) noexcept {
  if (port.size() > 5) return false;
  unsigned value = 0;
  for (const char c : port) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value <= 65535;
}

/// "[::1]" and friends: nobody's app, but a valid host that is answered with 404, not 400.
std::string normalise_literal(std::string_view authority) {
  const std::size_t end = authority.find(']');
  if (end == std::string_view::npos || end < 2) return {};
  const std::string_view port = authority.substr(end + 1);
  if (!port.empty() && (port.front() != ':' || !valid_port(port.substr(1)))) return {};
  std::string host;
  for (const char c : authority.substr(0, end + 1)) {
    const char l = http1::lower(c);
    const bool hex = (l >= '0' && l <= '9') || (l >= 'a' && l <= 'f');
    if (!hex && l != ':' && l != '.' && l != '[' && l != ']') return {};
    host += l;
  }
  return host;
}

}  // namespace

RouteTable::RouteTable(std::string base_domain,
                       const std::vector<std::shared_ptr<const AppRoute>>& apps) {
  const std::size_t colon = base_domain.find(':');
  const std::string base = normalise_host(std::string_view{base_domain}.substr(0, colon));
  by_host_.reserve(apps.size());
  for (const auto& app : apps) {
    by_host_.insert_or_assign(app->key.app + '.' + app->key.tenant + '.' + base, app);
  }
}

std::shared_ptr<const AppRoute> RouteTable::find(std::string_view host) const {
  const auto found = by_host_.find(std::string{host});
  return found == by_host_.end() ? nullptr : found->second;
}

std::string normalise_host(std::string_view authority) {
  if (authority.starts_with('[')) return normalise_literal(authority);
  const std::size_t colon = authority.find(':');
  std::string_view name = authority.substr(0, colon);
  if (colon != std::string_view::npos && !valid_port(authority.substr(colon + 1))) return {};
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kMaxHost) return {};
  std::string host;
  host.reserve(name.size());
  std::size_t label = 0;
  for (const char c : name) {
    const char l = http1::lower(c);
    const bool fine = (l >= 'a' && l <= 'z') || (l >= '0' && l <= '9') || l == '-' || l == '_';
    if (l == '.' ? label == 0 : !fine || label == kMaxLabel) return {};
    label = l == '.' ? 0 : label + 1;
    host += l;
  }
  return label == 0 ? std::string{} : host;
}

}  // namespace perilune::host
