#include <algorithm>
#include <array>

#include "api/bundle/bundle.hpp"
#include "api/bundle/ceiling.hpp"
#include "api/platform.hpp"
#include "api/rest/body.hpp"
#include "api/rest/deploying.hpp"
#include "api/rest/render.hpp"

namespace perilune::api {
namespace {

constexpr std::string_view kAccepts =
    "text/x-lua application/gzip application/zip application/json";

std::string media_type(std::string_view header) {
  std::string type{header.substr(0, header.find(';'))};
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return type;
}

/// `{"files":{"init.lua":"..."}}`
Checked<std::vector<BundleFile>> json_files(std::string_view body) {
  const auto object = parse_object(body, 4);
  if (!object) return object.error();
  std::vector<FieldError> errors;
  std::vector<BundleFile> files;
  for (const auto& member : *object) {
    if (member.key() != "files")
      errors.push_back({"/" + std::string{member.key()}, "unknown member"});
  }
  const json::value* list = object->if_contains("files");
  if (list == nullptr || !list->is_object()) {
    errors.push_back({"/files", "an object of texts by path"});
  } else {
    for (const auto& file : list->get_object()) {
      const std::string path{file.key()};
      if (!file.value().is_string())
        errors.push_back({"/files/" + path, "a string"});
      else
        files.push_back({path, std::string{file.value().get_string().c_str(),
                                           file.value().get_string().size()}});
    }
  }
  if (!errors.empty()) return invalid_body(std::move(errors));
  return files;
}

Checked<Upload> read_upload(const Request& request, const Limits& ceiling) {
  Upload upload;
  const std::string type = media_type(request.header("content-type"));
  if (type == "text/x-lua" || type == "application/x-lua" || type == "text/lua") {
    upload.packing = link::Packing::Lua;
  } else if (type == "application/gzip" || type == "application/x-gzip" ||
             type == "application/x-tar" || type == "application/tar+gzip") {
    upload.packing = link::Packing::TarGz;
  } else if (type == "application/zip") {
    upload.packing = link::Packing::Zip;
  } else if (type == "application/json") {
    auto files = json_files(request.body);
    if (!files) return files.error();
    upload.packing = link::Packing::Files;
    upload.files = std::move(*files);
    if (const auto good = check_bundle(upload.files, ceiling); !good) return Problem{good.error()};
    return upload;
  } else {
    return Problem{"unsupported_media_type",
                   (type.empty() ? "no Content-Type" : "\"" + type + "\"") +
                       "; uploads are text/x-lua (one file), application/gzip (tar.gz), "
                       "application/x-tar, application/zip or application/json "
                       "({\"files\":{\"init.lua\":\"...\"}})"};
  }
  if (request.body.empty()) return Problem{"bad_bundle", "the body is empty"};
  upload.data = request.body;
  return upload;
}

bool is_error(const Diagnostic& diagnostic) { return diagnostic.severity == link::Severity::Error; }

Problem rejected(std::vector<Diagnostic> found) {
  const auto errors = std::count_if(found.begin(), found.end(), is_error);
  Problem problem{"bundle_rejected",
                  std::to_string(errors) + (errors == 1 ? " error" : " errors") + " and " +
                      std::to_string(static_cast<std::ptrdiff_t>(found.size()) - errors) +
                      " warnings"};
  const auto first = std::find_if(found.begin(), found.end(), is_error);
  if (first != found.end()) {
    const std::string place = first->file.empty()
                                  ? std::string{}
                                  : first->file + ":" + std::to_string(first->line) + ": ";
    problem.detail += "; first: " + place + first->message;
  }
  problem.diagnostics = std::move(found);
  return problem;
}

/// Suspends while a throw-away worker looks at the upload. The report's files are held to the
/// host's own rules: the worker's word counts for nothing there.
Checked<CheckReport> checked_upload(const Call& call, const TenantRow& tenant) {
  const Limits ceiling = ceiling_of(tenant.limits);
  auto upload = read_upload(call.request, ceiling);
  if (!upload) return upload.error();
  auto report = call.host.check(call.key(), std::move(*upload), ceiling, tenant.jit);
  if (!report) return Problem{report.error()};
  std::vector<Diagnostic>& found = report->diagnostics;
  found.insert(found.end(), report->manifest_errors.begin(), report->manifest_errors.end());
  if (!report->started && std::none_of(found.begin(), found.end(), is_error))
    found.push_back({link::Severity::Error,
                     "not_started",
                     report->manifest.entry,
                     0,
                     0,
                     "the app did not start",
                     {},
                     "run it with perilune run"});
  if (std::any_of(found.begin(), found.end(), is_error)) return rejected(std::move(found));
  if (const auto good = check_bundle(report->files, ceiling); !good) return Problem{good.error()};
  return std::move(*report);
}

json::object report_json(const CheckReport& report) {
  json::array warnings;
  for (const Diagnostic& diagnostic : report.diagnostics) warnings.push_back(to_json(diagnostic));
  json::array files;
  std::uint64_t size = 0;
  for (const BundleFile& file : report.files) {
    files.push_back(json::object{{"path", file.path}, {"size", file.data.size()}});
    size += file.data.size();
  }
  return {{"version", version_of(report.files)},
          {"style", report.style == link::AppStyle::Handler ? "handler" : "loop"},
          {"size", size},
          {"files", std::move(files)},
          {"manifest", to_json(report.manifest)},
          {"diagnostics", std::move(warnings)}};
}

Reply post_check(Call& call) {
  const auto tenant = call.store.tenant(call.param("tenant"));
  if (!tenant) return Problem{tenant.error()};
  const auto report = checked_upload(call, *tenant);
  if (!report) return report.error();
  return answer(200, report_json(*report));
}

struct Wanted {
  bool deploy = false;
  bool ready = false;
  std::string message;
};

Checked<Wanted> wanted(const Call& call) {
  Wanted wish;
  const std::string_view deploy = call.query("deploy");
  if (call.target.has("deploy") && deploy != "true" && deploy != "false")
    return Problem{"invalid_query", "deploy is true or false"};
  wish.deploy = deploy == "true";
  const auto ready = wants_ready(call);
  if (!ready) return ready.error();
  wish.ready = *ready && wish.deploy;
  wish.message = call.query("message");
  if (wish.message.size() > 1024)
    return Problem{"invalid_query", "message has more than 1024 bytes"};
  if (call.target.has("alias")) return Problem{"invalid_query", "this version has no aliases"};
  return wish;
}

/// A new app needs a scope of its own.
Checked<void> may_create(const Call& call) {
  const auto app = call.store.app(call.key());
  if (app || call.who.has("apps:write")) return {};
  if (app.error().code != "not_found") return Problem{app.error()};
  Problem problem{"forbidden", "the app is new, and the token may not make apps"};
  problem.required_scope = "apps:write";
  return problem;
}

Reply post_version(Call& call) {
  const auto wish = wanted(call);
  if (!wish) return wish.error();
  const auto tenant = call.store.tenant(call.param("tenant"));
  if (!tenant) return Problem{tenant.error()};
  if (const auto may = may_create(call); !may) return may.error();
  auto report = checked_upload(call, *tenant);
  if (!report) return report.error();
  json::object body = report_json(*report);
  if (call.dry_run) return answer(200, body);

  NewVersion upload;
  upload.key = call.key();
  upload.version = version_of(report->files);
  upload.files = std::move(report->files);
  upload.manifest = report->manifest;
  upload.style = report->style;
  upload.creator = call.who.token;
  upload.message = wish->message;
  upload.at = call.now;
  upload.create_app = call.who.has("apps:write");
  upload.keep = ceiling_of(tenant->limits).count(Limit::Versions);
  const auto put = call.store.put_version(upload);
  if (!put) return Problem{put.error()};
  if (put->created) call.event(upload.key, "uploaded", upload.version, wish->message);
  body["number"] = put->row.number;
  body["created_at"] = rfc3339(put->row.created);
  body["message"] = put->row.message;
  body["url"] = app_url(call.config, upload.key);
  if (wish->deploy) {
    NewDeployment deployment;
    deployment.key = upload.key;
    deployment.version = upload.version;
    deployment.message = wish->message;
    auto row = make_deployment(call, deployment);
    if (row && wish->ready) row = await_ready(call, upload.key, *row);
    if (!row) return row.error();
    body["deployment"] = to_json(*row);
  }
  Response response = answer(put->created ? 201 : 200, body);
  response.with("etag", "\"" + upload.version + "\"")
      .with("location", call.target.path + "/" + upload.version);
  return response;
}

constexpr std::string_view kBundle =
    "one Lua file, a tar.gz or zip with init.lua, or {\"files\":{\"init.lua\":\"...\"}}";
constexpr std::array<Route, 2> kRoutes{{
    {.method = "POST",
     .path = "/v1/tenants/{tenant}/apps/{app}/versions",
     .scope = "deploy",
     .summary = "Uploads, checks and dry-starts a bundle; makes the app when it is new (with the "
                "scope apps:write); deploys it with deploy=true",
     .query = "deploy wait message dry_run",
     .accepts = kAccepts,
     .body = kBundle,
     .success = "200 201",
     .handler = post_version,
     .suspends = true,
     .upload = true},
    {.method = "POST",
     .path = "/v1/tenants/{tenant}/apps/{app}/check",
     .scope = "deploy",
     .summary = "Everything that an upload checks; nothing is stored",
     .accepts = kAccepts,
     .body = kBundle,
     .handler = post_check,
     .suspends = true,
     .upload = true},
}};

}  // namespace

std::span<const Route> upload_routes() noexcept { return kRoutes; }

}  // namespace perilune::api
