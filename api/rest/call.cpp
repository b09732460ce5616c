#include "api/rest/call.hpp"

#include "runtime/base/log.hpp"

namespace perilune::api {
namespace {

/// Whether a list of entity tags names this one. `weak`: W/ does not matter.
bool names(std::string_view list, std::string_view etag, bool weak) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view one = list.substr(0, comma);
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (weak && one.substr(0, 2) == "W/") one.remove_prefix(2);
    if (one == "*" || one == etag) return true;
  }
  return false;
}

}  // namespace

void Call::event(const AppKey& app, std::string kind, std::string version,
                 std::string message) const {
  const auto written =
      store.append_event(app, {0, now, std::move(kind), std::move(version), std::move(message)});
  if (!written)
    log::warn("control API: event not written",
              {{"detail", std::string_view{written.error().detail}}});
}

Problem no_such_tenant(const Principal& who, const std::string& slug, const Failure& failure) {
  Problem problem{failure};
  if (failure.code == "not_found" && who.is_operator() && who.has("tenants"))
    problem.help = "Make the tenant first: POST /v1/tenants {\"slug\":\"" + slug + "\"}";
  return problem;
}

bool Call::matches(std::string_view etag) const {
  const std::string_view list = request.header("if-match");
  return list.empty() || names(list, etag, false);
}

bool Call::has_already(std::string_view etag) const {
  const std::string_view list = request.header("if-none-match");
  return !list.empty() && names(list, etag, true);
}

}  // namespace perilune::api
