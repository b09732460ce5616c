#include <array>

#include "api/rest/render.hpp"

namespace perilune::api {
namespace {

constexpr std::string_view kImmutable = "private, max-age=31536000, immutable";

Checked<VersionRow> find_version(const Call& call, const std::string& param) {
  const auto id = call.store.resolve_version(call.key(), call.param(param));
  if (!id) return Problem{id.error()};
  auto row = call.store.version(call.key(), *id);
  if (!row) return Problem{row.error()};
  return std::move(*row);
}

Reply list_versions(Call& call) {
  const auto asked = page_request(call, true);
  if (!asked) return asked.error();
  const auto rows = call.store.versions(call.key(), asked->number, asked->limit + 1);
  if (!rows) return Problem{rows.error()};
  return page_of(
      call, *asked, *rows, [](const VersionRow& row) { return to_json(row); },
      [](const VersionRow& row) { return std::to_string(row.number); });
}

Reply get_version(Call& call) {
  const auto row = find_version(call, "version");
  if (!row) return row.error();
  const std::string etag = "\"" + row->version + "\"";
  if (call.has_already(etag)) return Response{304, {{"etag", etag}}, {}};
  const auto files = call.store.files(row->version);
  if (!files) return Problem{files.error()};
  json::object body = to_json(*row);
  json::array list;
  for (const FileInfo& file : *files) list.push_back(to_json(file));
  body["files"] = std::move(list);
  Response response = answer(200, body);
  response.with("etag", etag);
  return response;
}

Reply delete_version(Call& call) {
  const auto row = find_version(call, "version");
  if (!row) return row.error();
  if (!call.matches("\"" + row->version + "\""))
    return Problem{"precondition_failed", "If-Match names another version"};
  if (const auto gone = call.store.delete_version(call.key(), row->version); !gone)
    return Problem{gone.error()};
  return no_content();
}

// Tenants' bytes never become a page of this origin: text or a download, not sniffed, no scripts.
Reply get_file(Call& call) {
  const auto row = find_version(call, "version");
  if (!row) return row.error();
  auto file = call.store.file(row->version, call.param("path"));
  if (!file) return Problem{file.error()};
  const std::string& path = file->path;
  const bool lua = path.size() > 4 && path.compare(path.size() - 4, 4, ".lua") == 0;
  const std::string etag = "\"" + row->version + "\"";
  if (call.has_already(etag)) return Response{304, {{"etag", etag}}, {}};
  Response response{200, {}, std::move(file->data)};
  response.with("content-type", lua ? "text/x-lua" : "application/octet-stream")
      .with("x-content-type-options", "nosniff")
      .with("content-security-policy", "sandbox; default-src 'none'")
      .with("cache-control", std::string{kImmutable})
      .with("etag", etag);
  return response;
}

/// added, removed and changed files of two sorted lists.
json::object file_changes(const std::vector<FileInfo>& before, const std::vector<FileInfo>& after) {
  json::array added;
  json::array removed;
  json::array changed;
  auto a = before.begin();
  auto b = after.begin();
  while (a != before.end() || b != after.end()) {
    if (b == after.end() || (a != before.end() && a->path < b->path)) {
      removed.push_back(to_json(*a++));
    } else if (a == before.end() || b->path < a->path) {
      added.push_back(to_json(*b++));
    } else {
      if (a->sha256 != b->sha256)
        changed.push_back(
            json::object{{"path", a->path}, {"before", to_json(*a)}, {"after", to_json(*b)}});
      ++a;
      ++b;
    }
  }
  return {{"added", std::move(added)},
          {"removed", std::move(removed)},
          {"changed", std::move(changed)}};
}

Reply get_diff(Call& call) {
  const auto before = find_version(call, "version");
  if (!before) return before.error();
  const auto after = find_version(call, "other");
  if (!after) return after.error();
  const auto old_files = call.store.files(before->version);
  const auto new_files = call.store.files(after->version);
  if (!old_files) return Problem{old_files.error()};
  if (!new_files) return Problem{new_files.error()};
  const json::object was = to_json(before->manifest);
  const json::object is = to_json(after->manifest);
  json::object manifest;
  for (const auto& member : is) {
    if (was.at(member.key()) != member.value())
      manifest[member.key()] =
          json::object{{"before", was.at(member.key())}, {"after", member.value()}};
  }
  return answer(200, json::object{{"before", before->version},
                                  {"after", after->version},
                                  {"files", file_changes(*old_files, *new_files)},
                                  {"manifest", std::move(manifest)}});
}

constexpr std::array<Route, 5> kRoutes{{
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps/{app}/versions",
     .scope = "apps:read",
     .summary = "The app's versions, newest first",
     .query = "limit cursor",
     .handler = list_versions},
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps/{app}/versions/{version}",
     .scope = "apps:read",
     .summary = "One version with its files and manifest (any unique prefix of 8 digits names it)",
     .success = "200 304",
     .handler = get_version},
    {.method = "DELETE",
     .path = "/v1/tenants/{tenant}/apps/{app}/versions/{version}",
     .scope = "deploy",
     .summary = "Deletes a version that is not deployed",
     .query = "dry_run",
     .success = "204",
     .handler = delete_version},
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps/{app}/versions/{version}/files/{path...}",
     .scope = "apps:read",
     .summary = "One file as it was uploaded",
     .success = "200 304",
     .handler = get_file},
    {.method = "GET",
     .path = "/v1/tenants/{tenant}/apps/{app}/versions/{version}/diff/{other}",
     .scope = "apps:read",
     .summary = "Files and manifest entries in which two versions differ",
     .handler = get_diff},
}};

}  // namespace

std::span<const Route> version_routes() noexcept { return kRoutes; }

}  // namespace perilune::api
