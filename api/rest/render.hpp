#pragma once

/// @file
/// Rows as the JSON that clients see, responses and pages.

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "api/rest/call.hpp"

namespace perilune::api {

namespace json = boost::json;

[[nodiscard]] std::string rfc3339(UnixMs time);
/// Empty: not an RFC 3339 time in UTC ("2026-01-02T03:04:05.678Z").
[[nodiscard]] std::optional<UnixMs> parse_rfc3339(std::string_view text);

[[nodiscard]] json::object to_json(const Diagnostic& diagnostic);
[[nodiscard]] json::object to_json(const TenantRow& row);
[[nodiscard]] json::object to_json(const VersionRow& row);
[[nodiscard]] json::object to_json(const FileInfo& row);
[[nodiscard]] json::object to_json(const DeploymentRow& row);
[[nodiscard]] json::object to_json(const TokenRow& row);
[[nodiscard]] json::object to_json(const EnvRow& row);
[[nodiscard]] json::object to_json(const LogEntry& row);
[[nodiscard]] json::object to_json(const EventRow& row);
[[nodiscard]] json::object to_json(const AuditRow& row);
[[nodiscard]] json::object to_json(const Manifest& manifest);
/// With its address and its status from the platform.
[[nodiscard]] json::object app_json(const Call& call, const AppRow& row);
[[nodiscard]] std::string app_url(const ApiConfig& config, const AppKey& key);

[[nodiscard]] Response answer(unsigned status, const json::value& body);
[[nodiscard]] inline Response no_content() { return {204, {}, {}}; }

[[nodiscard]] std::string etag_of(const TenantRow& row);
[[nodiscard]] std::string etag_of(const AppRow& row);

/// `limit` and `cursor` of a list.
struct PageRequest {
  std::size_t limit = 50;
  std::string cursor;        ///< the last key of the page before, decoded
  std::uint64_t number = 0;  ///< the same as a number, for lists that are numbered
};
/// `invalid_query` for a limit outside of 1..1000 or a cursor that is not ours.
[[nodiscard]] Checked<PageRequest> page_request(const Call& call, bool numbered);
/// `{"items":[...],"next_cursor":...}` with a Link header; `next` empty: the last page.
[[nodiscard]] Response page(const Call& call, json::array items, std::string_view next);

/// A page of `rows`, which were asked for with one more than the limit; `key_of` names a row.
template <typename Row, typename ToJson, typename KeyOf>
[[nodiscard]] Response page_of(const Call& call, const PageRequest& asked,
                               const std::vector<Row>& rows, ToJson to_json_, KeyOf key_of) {
  json::array items;
  const std::size_t count = rows.size() > asked.limit ? asked.limit : rows.size();
  for (std::size_t i = 0; i < count; ++i) items.push_back(to_json_(rows[i]));
  return page(call, std::move(items),
              rows.size() > asked.limit ? std::string{key_of(rows[count - 1])} : std::string{});
}

}  // namespace perilune::api
