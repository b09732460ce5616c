#include "api/rest/routes.hpp"

#include <optional>

namespace perilune::api {
namespace {

std::vector<const Route*> collect() {
  std::vector<const Route*> routes;
  for (const auto list :
       {general_routes(), tenant_routes(), app_routes(), upload_routes(), version_routes(),
        deployment_routes(), env_routes(), log_routes(), token_routes(), vm_routes()}) {
    for (const Route& route : list) routes.push_back(&route);
  }
  return routes;
}

bool is_rest(std::string_view piece) {
  return piece.size() > 5 && piece.substr(piece.size() - 4) == "...}";
}

/// The parameters when the path fits. A tenant or an app that is no slug is no path of ours.
std::optional<std::map<std::string, std::string>> fit(std::string_view path,
                                                      const std::vector<std::string>& segments) {
  std::map<std::string, std::string> params;
  path.remove_prefix(1);
  for (std::size_t i = 0;; ++i) {
    const std::size_t slash = path.find('/');
    const std::string_view piece = path.substr(0, slash);
    if (i >= segments.size()) return std::nullopt;
    if (is_rest(piece)) {
      std::string rest = segments[i];
      for (std::size_t j = i + 1; j < segments.size(); ++j) rest += "/" + segments[j];
      params[std::string{piece.substr(1, piece.size() - 5)}] = std::move(rest);
      return params;
    }
    if (piece.front() == '{') {
      if (segments[i].empty()) return std::nullopt;
      params[std::string{piece.substr(1, piece.size() - 2)}] = segments[i];
    } else if (piece != segments[i]) {
      return std::nullopt;
    }
    if (slash == std::string_view::npos)
      return i + 1 == segments.size() ? std::optional{std::move(params)} : std::nullopt;
    path.remove_prefix(slash + 1);
  }
}

}  // namespace

const std::vector<const Route*>& all_routes() {
  static const std::vector<const Route*> routes = collect();
  return routes;
}

Match match_route(std::string_view method, const std::vector<std::string>& segments) {
  Match match;
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  for (const Route* route : all_routes()) {
    auto params = fit(route->path, segments);
    if (!params) continue;
    if (route->method == wanted) return {route, std::move(*params), {}};
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += route->method;
    if (route->method == "GET") match.allow += ", HEAD";
  }
  return match;
}

std::vector<std::string_view> words(std::string_view list) {
  std::vector<std::string_view> found;
  while (!list.empty()) {
    const std::size_t blank = list.find(' ');
    if (blank != 0) found.push_back(list.substr(0, blank));
    list.remove_prefix(blank == std::string_view::npos ? list.size() : blank + 1);
  }
  return found;
}

std::vector<std::string_view> parameters_of(const Route& route) {
  std::vector<std::string_view> names;
  std::string_view path = route.path;
  for (std::size_t open = path.find('{'); open != std::string_view::npos; open = path.find('{')) {
    path.remove_prefix(open + 1);
    std::string_view name = path.substr(0, path.find('}'));
    if (name.size() > 3 && name.substr(name.size() - 3) == "...") name.remove_suffix(3);
    names.push_back(name);
  }
  return names;
}

}  // namespace perilune::api
