#include "api/rest/render.hpp"

#include <ctime>

#include "runtime/base/log.hpp"

namespace perilune::api {
namespace {

json::array strings(const std::vector<std::string>& list) {
  return json::array(list.begin(), list.end());
}

json::object strings(const std::map<std::string, std::string>& map) {
  json::object object;
  for (const auto& [key, value] : map) object[key] = value;
  return object;
}

json::value text_or_null(std::string_view text) {
  return text.empty() ? json::value{} : json::value(text);
}

json::value time_or_null(UnixMs time) {
  return time == 0 ? json::value{} : json::value(rfc3339(time));
}

std::string_view level_name(link::LogLevel level) {
  switch (level) {
    case link::LogLevel::Debug: return "debug";
    case link::LogLevel::Info: return "info";
    case link::LogLevel::Warn: return "warn";
    case link::LogLevel::Error: break;
  }
  return "error";
}

// The worker made this text; what is not an object is shown as the string that it is.
json::value fields_json(const std::string& text) {
  if (text.empty()) return json::object{};
  json::error_code error;
  json::value value = json::parse(text, error);
  return !error && value.is_object() ? value : json::value(text);
}

}  // namespace

std::string rfc3339(UnixMs time) { return log::timestamp(time); }

std::optional<UnixMs> parse_rfc3339(std::string_view text) {
  std::tm utc{};
  const std::string copy{text};
  const char* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (rest == nullptr) return std::nullopt;
  UnixMs milliseconds = 0;
  if (*rest == '.') {
    UnixMs unit = 100;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, unit /= 10)
      milliseconds += (*rest - '0') * unit;
  }
  if (std::string_view{rest} != "Z") return std::nullopt;
  return UnixMs{::timegm(&utc)} * 1000 + milliseconds;
}

json::object to_json(const Diagnostic& d) {
  json::object object{{"severity", d.severity == link::Severity::Error ? "error" : "warning"},
                      {"code", d.code},
                      {"file", text_or_null(d.file)},
                      {"line", d.line == 0 ? json::value{} : json::value(d.line)},
                      {"column", d.column == 0 ? json::value{} : json::value(d.column)},
                      {"message", d.message}};
  if (!d.excerpt.empty()) object["excerpt"] = d.excerpt;
  if (!d.help.empty()) object["help"] = d.help;
  return object;
}

json::object to_json(const TenantRow& row) {
  json::object limits;
  for (const auto& [limit, value] : row.limits) limits[spec(limit).key] = value;
  return {{"slug", row.slug},
          {"state", row.suspended ? "suspended" : "active"},
          {"class", row.jit ? "fast" : "strict"},
          {"limits", std::move(limits)},
          {"created_at", rfc3339(row.created)},
          {"updated_at", rfc3339(row.updated)}};
}

json::object to_json(const Manifest& manifest) {
  json::object limits;
  for (const LimitSpec& row : limit_specs()) {
    const std::uint64_t value = manifest.limits.raw(row.limit);
    if (value != row.value) limits[row.key] = value;
  }
  return {{"name", text_or_null(manifest.name)},
          {"entry", manifest.entry},
          {"http_port", manifest.http_port == 0 ? json::value{} : json::value(manifest.http_port)},
          {"limits", std::move(limits)},
          {"env", strings(manifest.env)},
          {"outbound", strings(manifest.outbound)}};
}

json::object to_json(const VersionRow& row) {
  return {{"version", row.version},
          {"number", row.number},
          {"created_at", rfc3339(row.created)},
          {"created_by", row.creator},
          {"message", row.message},
          {"style", row.style == link::AppStyle::Handler ? "handler" : "loop"},
          {"size", row.size},
          {"file_count", row.file_count},
          {"manifest", to_json(row.manifest)}};
}

json::object to_json(const FileInfo& row) {
  return {{"path", row.path}, {"size", row.size}, {"sha256", row.sha256}};
}

json::object to_json(const DeploymentRow& row) {
  static constexpr std::array<std::string_view, 3> kKinds{"deploy", "rollback", "env"};
  static constexpr std::array<std::string_view, 3> kStates{"accepted", "ready", "failed"};
  return {{"generation", row.generation},
          {"kind", kKinds.at(static_cast<std::size_t>(row.kind))},
          {"state", kStates.at(static_cast<std::size_t>(row.state))},
          {"version", row.version},
          {"previous", text_or_null(row.previous)},
          {"restores", row.restores == 0 ? json::value{} : json::value(row.restores)},
          {"created_by", row.who},
          {"created_at", rfc3339(row.at)},
          {"message", row.message}};
}

json::object to_json(const TokenRow& row) {
  return {{"id", row.id},
          {"name", row.name},
          {"scopes", strings(row.scopes)},
          {"tenant", text_or_null(row.tenant)},
          {"app", text_or_null(row.app)},
          {"created_at", rfc3339(row.created)},
          {"created_by", text_or_null(row.creator)},
          {"expires_at", time_or_null(row.expires)}};
}

json::object to_json(const EnvRow& row) {
  return {{"name", row.name}, {"value", row.value}, {"updated_at", rfc3339(row.updated)}};
}

json::object to_json(const LogEntry& row) {
  return {{"sequence", row.sequence},
          {"time", rfc3339(row.time)},
          {"level", level_name(row.level)},
          {"message", row.message},
          {"fields", fields_json(row.fields)},
          {"source", text_or_null(row.source)},
          {"request_id", text_or_null(row.request_id)},
          {"version", text_or_null(row.version)},
          {"fiber", row.fiber},
          {"dropped", row.dropped}};
}

json::object to_json(const EventRow& row) {
  return {{"sequence", row.sequence},
          {"time", rfc3339(row.time)},
          {"kind", row.kind},
          {"version", text_or_null(row.version)},
          {"message", row.message}};
}

json::object to_json(const AuditRow& row) {
  return {{"sequence", row.sequence}, {"time", rfc3339(row.time)},
          {"token", row.token},       {"tenant", text_or_null(row.tenant)},
          {"action", row.action},     {"target", row.target},
          {"status", row.status},     {"request_id", row.request_id},
          {"client", row.client}};
}

std::string app_url(const ApiConfig& config, const AppKey& key) {
  std::string url = "http://" + key.app + "." + key.tenant + "." + config.base_domain;
  if (config.gateway_port != 80) url += ":" + std::to_string(config.gateway_port);
  return url + "/";
}

json::object app_json(const Call& call, const AppRow& row) {
  const AppStatus status = call.host.status(row.key);
  json::object live{{"state", name(status.state)},
                    {"version", text_or_null(status.version)},
                    {"isolation", text_or_null(status.isolation)},
                    {"jit", status.jit},
                    {"memory", status.memory},
                    {"fibers", status.fibers},
                    {"restarts", status.restarts},
                    {"last_exit", text_or_null(status.last_exit)},
                    {"since", time_or_null(status.since)}};
  if (call.who.is_operator()) live["pid"] = status.pid;
  return {{"tenant", row.key.tenant},
          {"slug", row.key.app},
          {"description", row.description},
          {"labels", strings(row.labels)},
          {"url", app_url(call.config, row.key)},
          {"version", text_or_null(row.version)},
          {"generation", row.generation},
          {"status", std::move(live)},
          {"created_at", rfc3339(row.created)},
          {"updated_at", rfc3339(row.updated)}};
}

Response answer(unsigned status, const json::value& body) {
  Response response{status, {}, json::serialize(body) + "\n"};
  response.with("content-type", "application/json");
  return response;
}

std::string etag_of(const TenantRow& row) { return "\"" + std::to_string(row.revision) + "\""; }
std::string etag_of(const AppRow& row) { return "\"" + std::to_string(row.revision) + "\""; }

}  // namespace perilune::api
