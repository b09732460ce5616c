#include <array>

#include "api/rest/render.hpp"

namespace perilune::api {
namespace {

Checked<link::LogLevel> read_level(std::string_view text) {
  if (text.empty() || text == "debug") return link::LogLevel::Debug;
  if (text == "info") return link::LogLevel::Info;
  if (text == "warn") return link::LogLevel::Warn;
  if (text == "error") return link::LogLevel::Error;
  return Problem{"invalid_query", "level is debug, info, warn or error"};
}

Checked<UnixMs> read_time(const Call& call, const std::string& name) {
  if (!call.target.has(name)) return UnixMs{0};
  const auto time = parse_rfc3339(call.query(name));
  if (!time) return Problem{"invalid_query", name + " is a time such as 2026-01-02T03:04:05.678Z"};
  return *time;
}

Checked<LogQuery> read_query(const Call& call, const PageRequest& asked) {
  LogQuery query;
  const std::string_view order = call.query("order");
  if (call.target.has("order") && order != "asc" && order != "desc")
    return Problem{"invalid_query", "order is asc or desc"};
  query.ascending = order == "asc";
  if (asked.number != 0) {
    const auto sequence = static_cast<std::int64_t>(asked.number & INT64_MAX);
    (query.ascending ? query.after : query.before) = sequence;
  }
  const auto level = read_level(call.query("level"));
  if (!level) return level.error();
  query.level = *level;
  const auto since = read_time(call, "since");
  if (!since) return since.error();
  const auto until = read_time(call, "until");
  if (!until) return until.error();
  query.since = *since;
  query.until = *until;
  query.contains = call.query("q");
  query.request_id = call.query("request_id");
  query.limit = asked.limit + 1;
  const std::string_view version = call.query("version");
  if (version.empty()) return query;
  // Lines outlive their version: a prefix that names none any more is taken as it is.
  const auto id = call.store.resolve_version(call.key(), version);
  query.version = id ? *id : std::string{version};
  return query;
}

Reply get_logs(Call& call) {
  if (call.request.header("accept").find("text/event-stream") != std::string_view::npos)
    return Problem{"not_acceptable",
                   "this version has no live tail: ask again with order=asc and the cursor"};
  const auto asked = page_request(call, true);
  if (!asked) return asked.error();
  const auto query = read_query(call, *asked);
  if (!query) return query.error();
  const auto rows = call.store.logs(call.key(), *query);
  if (!rows) return Problem{rows.error()};
  json::array items;
  const std::size_t count = std::min(rows->size(), asked->limit);
  for (std::size_t i = 0; i < count; ++i) items.push_back(to_json((*rows)[i]));
  // Forward there is always a next page: the one that is yet to be written.
  const bool more = rows->size() > asked->limit;
  std::string next;
  if (count > 0 && (more || query->ascending))
    next = std::to_string((*rows)[count - 1].sequence);
  else if (query->ascending && asked->number != 0)
    next = asked->cursor;
  return page(call, std::move(items), next);
}

Reply get_events(Call& call) {
  const auto asked = page_request(call, true);
  if (!asked) return asked.error();
  const auto rows =
      call.store.events(call.key(), static_cast<std::int64_t>(asked->number), asked->limit + 1);
  if (!rows) return Problem{rows.error()};
  return page_of(
      call, *asked, *rows, [](const EventRow& row) { return to_json(row); },
      [](const EventRow& row) { return std::to_string(row.sequence); });
}

constexpr std::array<Route, 2> kRoutes{{
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps/{app}/logs",
     .scope = "logs:read",
     .summary = "The app's log, newest first; order=asc and the cursor follow it",
     .query = "level q request_id version since until order limit cursor",
     .handler = get_logs},
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps/{app}/events",
     .scope = "apps:read",
     .summary = "What happened to the app, newest first",
     .query = "limit cursor",
     .handler = get_events},
}};

}  // namespace

std::span<const Route> log_routes() noexcept { return kRoutes; }

}  // namespace perilune::api
