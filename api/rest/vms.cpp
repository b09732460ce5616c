#include <array>

#include "api/rest/render.hpp"
#include "api/vms.hpp"

namespace perilune::api {
namespace {

json::object to_json(const VmRow& row) {
  return {{"id", row.id},
          {"version", row.version},
          {"state", row.state},
          {"pid", row.pid},
          {"fibers", row.fibers},
          {"memory", row.memory},
          {"since", rfc3339(row.since)}};
}

void add(json::object& object, const char* name, const std::string& text) {
  if (!text.empty()) object[name] = text;
}

json::object to_json(const FiberRow& row) {
  json::object object{{"id", row.id},
                      {"state", row.state},
                      {"main", row.main},
                      {"detached", row.detached},
                      {"interrupted", row.interrupted}};
  add(object, "where", row.where);
  if (!row.operation.empty()) {
    json::object wait{{"operation", row.operation}, {"for_fibers", row.waits_for_fibers}};
    add(wait, "resource", row.resource);
    add(wait, "holder", row.holder);
    if (row.age_ms) wait["age_ms"] = *row.age_ms;
    object["waits"] = std::move(wait);
  }
  add(object, "request_id", row.request_id);
  if (row.invocation_cpu_ms) object["invocation_cpu_ms"] = *row.invocation_cpu_ms;
  json::array frames;
  for (const std::string& frame : row.traceback) frames.emplace_back(frame);
  object["traceback"] = std::move(frames);
  return object;
}

/// 404 for an app that is not there.
Checked<void> check_app(const Call& call) {
  const auto row = call.store.app(call.key());
  if (!row) return Problem{row.error()};
  return {};
}

Reply list_vms(Call& call) {
  if (const auto there = check_app(call); !there) return there.error();
  json::array items;
  for (const VmRow& row : call.host.vms(call.key())) items.push_back(to_json(row));
  return answer(200, json::object{{"items", std::move(items)}, {"next_cursor", nullptr}});
}

Reply get_fibers(Call& call) {
  if (const auto there = check_app(call); !there) return there.error();
  const auto dump = call.host.fibers(call.key(), call.param("vm"));
  if (!dump) return Problem{dump.error()};
  json::array fibers;
  for (const FiberRow& row : dump->fibers) fibers.push_back(to_json(row));
  return answer(200, json::object{{"vm", call.param("vm")},
                                  {"total", dump->total},
                                  {"complete", dump->total == dump->fibers.size()},
                                  {"fibers", std::move(fibers)}});
}

constexpr std::array<Route, 2> kRoutes{{
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps/{app}/vms",
     .scope = "apps:read",
     .summary = "The app's VMs that run on this node",
     .handler = list_vms},
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps/{app}/vms/{vm}/fibers",
     .scope = "apps:read",
     .summary = "What every fiber of a VM is doing now: state, what it waits on, who holds that",
     .handler = get_fibers},
}};

}  // namespace

std::span<const Route> vm_routes() noexcept { return kRoutes; }

}  // namespace perilune::api
