#include "api/bundle/manifest.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "api/bundle/bundle.hpp"
#include "api/bundle/ceiling.hpp"
#include "api/bundle/suggest.hpp"

namespace perilune::api {
namespace {

using link::ManifestEntry;
using link::ValueType;

constexpr std::size_t kMostDiagnostics = 100;
constexpr std::size_t kMostOutbound = 256;

std::string quoted(std::string_view text) { return "\"" + std::string{text} + "\""; }

std::string_view type_name(ValueType type) {
  switch (type) {
    case ValueType::String: return "a string";
    case ValueType::Integer: return "an integer";
    case ValueType::Boolean: return "a boolean";
    case ValueType::Float: return "a float";
  }
  return "a value";
}

/// Takes one leaf after the other into a manifest.
class Parser {
 public:
  Parser(const Limits& ceiling, std::vector<Diagnostic>& diagnostics)
      : ceiling_{ceiling}, diagnostics_{diagnostics} {}

  void take(const ManifestEntry& entry);
  Manifest finish(const ManifestEntry& last);

 private:
  void report(const ManifestEntry& at, std::string code, std::string message, std::string help);
  [[nodiscard]] bool is(const ManifestEntry& entry, ValueType type, std::string_view example);
  void name(const ManifestEntry& entry);
  void entry_file(const ManifestEntry& entry);
  void http(const ManifestEntry& entry, std::string_view key);
  void limit(const ManifestEntry& entry, std::string_view key);
  void vms(const ManifestEntry& entry, std::string_view key);
  void env(const ManifestEntry& entry, std::string_view key);
  void outbound(const ManifestEntry& entry);
  void unknown(const ManifestEntry& entry, std::string_view key,
               const std::vector<std::string_view>& known);

  const Limits& ceiling_;
  std::vector<Diagnostic>& diagnostics_;
  std::size_t reported_ = 0;
  Manifest manifest_;
};

void Parser::report(const ManifestEntry& at, std::string code, std::string message,
                    std::string help) {
  if (++reported_ > kMostDiagnostics) return;
  diagnostics_.push_back({link::Severity::Error,
                          std::move(code),
                          "perilune.toml",
                          at.line,
                          at.column,
                          std::move(message),
                          {},
                          std::move(help)});
}

bool Parser::is(const ManifestEntry& entry, ValueType type, std::string_view example) {
  if (entry.type == type) return true;
  report(entry, "wrong_type",
         std::string{entry.key} + " is " + std::string{type_name(entry.type)} + ", not " +
             std::string{type_name(type)},
         "write it as " + std::string{example});
  return false;
}

void Parser::unknown(const ManifestEntry& entry, std::string_view key,
                     const std::vector<std::string_view>& known) {
  report(entry, "unknown_key", "unknown key " + quoted(entry.key), suggestion(key, known));
}

void Parser::name(const ManifestEntry& entry) {
  constexpr std::size_t kLongest = 128;
  if (!is(entry, ValueType::String, "name = \"shop\"")) return;
  if (entry.value.size() > kLongest)
    return report(entry, "bad_value", "name is longer than 128 bytes", "shorten it");
  manifest_.name = entry.value;
}

void Parser::entry_file(const ManifestEntry& entry) {
  if (!is(entry, ValueType::String, "entry = \"init.lua\"")) return;
  if (!is_bundle_path(entry.value))
    return report(entry, "bad_value", quoted(entry.value) + " is not a path inside the bundle",
                  "name a file of the bundle, such as \"init.lua\"");
  manifest_.entry = entry.value;
}

void Parser::http(const ManifestEntry& entry, std::string_view key) {
  if (key != "port") return unknown(entry, key, {"port"});
  if (!is(entry, ValueType::Integer, "port = 8080")) return;
  std::uint16_t port = 0;
  const char* end = entry.value.data() + entry.value.size();
  const auto [rest, error] = std::from_chars(entry.value.data(), end, port);
  if (error != std::errc{} || rest != end || port == 0)
    return report(entry, "bad_value", "http.port is " + std::string{entry.value},
                  "a port is between 1 and 65535");
  manifest_.http_port = port;
}

void Parser::limit(const ManifestEntry& entry, std::string_view key) {
  const LimitSpec* row = find_limit(key);
  if (row == nullptr) {
    std::vector<std::string_view> known;
    for (const LimitSpec& each : limit_specs()) {
      if (!is_plan_limit(each.limit)) known.push_back(each.key);
    }
    return unknown(entry, key, known);
  }
  if (is_plan_limit(row->limit))
    return report(entry, "plan_limit", std::string{entry.key} + " cannot be set by an app",
                  "the tenant's operator sets it");
  const bool size = row->unit == Unit::Bytes;
  if (entry.type != ValueType::Integer && !(size && entry.type == ValueType::String)) {
    (void)is(entry, size ? ValueType::String : ValueType::Integer,
             size ? "a size with a unit, such as \"32MiB\"" : "a whole number, such as 100");
    return;
  }
  const auto value = parse_limit(*row, entry.value);
  if (!value)
    return report(entry, value.error().code, value.error().detail,
                  "the default is " + format_limit(*row, row->value));
  if (*value < row->minimum)
    return report(entry, "limit_too_low",
                  std::string{key} + " is " + format_limit(*row, *value) +
                      ", below the minimum of " + format_limit(*row, row->minimum),
                  "ask for at least " + format_limit(*row, row->minimum));
  const std::uint64_t most = ceiling_.raw(row->limit);
  if (*value > most)
    return report(
        entry, "limit_too_high",
        std::string{key} + " is " + format_limit(*row, *value) +
            ", above this tenant's ceiling of " + format_limit(*row, most),
        "ask for at most " + format_limit(*row, most) + ", or have the operator raise the ceiling");
  manifest_.limits.set(row->limit, *value);
}

void Parser::vms(const ManifestEntry& entry, std::string_view key) {
  if (key == "count") {
    if (!is(entry, ValueType::Integer, "count = 1") || entry.value == "1") return;
    return report(entry, "not_available", "vms.count is " + std::string{entry.value},
                  "this version runs one VM per app: leave it out or write 1");
  }
  if (key != "class") return unknown(entry, key, {"count", "class"});
  if (!is(entry, ValueType::String, "class = \"shared\"") || entry.value == "shared") return;
  report(entry, "not_available", "vms.class is " + quoted(entry.value),
         "this version has the class \"shared\"");
}

void Parser::env(const ManifestEntry& entry, std::string_view key) {
  if (!is_env_name(key))
    return report(entry, "bad_value", quoted(key) + " is not a variable's name",
                  "letters, digits and _, not beginning with a digit");
  if (!is(entry, ValueType::String, std::string{key} + " = \"value\"")) return;
  if (entry.value.find('\0') != std::string_view::npos)
    return report(entry, "bad_value", std::string{entry.key} + " has a NUL in it", "remove it");
  manifest_.env[std::string{key}] = entry.value;
}

void Parser::outbound(const ManifestEntry& entry) {
  constexpr std::string_view kExample = "\"https://api.example.com:443\"";
  if (!is(entry, ValueType::String, kExample)) return;
  const std::string_view url = entry.value;
  const std::size_t scheme = url.find("://");
  const std::string_view host =
      scheme == std::string_view::npos ? std::string_view{} : url.substr(scheme + 3);
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view{"-._:[]*"}.find(c) != std::string_view::npos;
  };
  const std::string_view kind = url.substr(0, host.empty() ? 0 : scheme);
  if ((kind != "http" && kind != "https" && kind != "tcp" && kind != "tls") || host.size() > 300 ||
      !std::all_of(host.begin(), host.end(), allowed))
    return report(
        entry, "bad_value", quoted(url) + " is not a destination",
        "scheme (http, https, tcp, tls), host and port, such as " + std::string{kExample});
  if (manifest_.outbound.size() == kMostOutbound)
    return report(entry, "bad_value", "more than 256 outbound destinations", "use fewer");
  manifest_.outbound.emplace_back(url);
}

void Parser::take(const ManifestEntry& entry) {
  const std::string_view key = entry.key;
  const std::string_view table = key.substr(0, key.find_first_of(".["));
  const bool nested = table.size() < key.size() && key[table.size()] == '.';
  const bool listed = table.size() < key.size() && !nested;
  const std::string_view rest = nested ? key.substr(table.size() + 1) : std::string_view{};
  if (key == "name") return name(entry);
  if (key == "entry") return entry_file(entry);
  if (table == "http" && nested) return http(entry, rest);
  if (table == "limits" && nested) return limit(entry, rest);
  if (table == "vms" && nested) return vms(entry, rest);
  if (table == "env" && nested) return env(entry, rest);
  if (table == "outbound" && listed) return outbound(entry);
  if (table == "cron" && listed)
    return report(entry, "not_available", "this version has no schedules", "remove [[cron]]");
  for (const std::string_view known : {"http", "limits", "vms", "env", "outbound", "cron"}) {
    if (table == known)
      return report(entry, "wrong_type", quoted(known) + " cannot be written like this",
                    known == "outbound" ? "write a list: outbound = [\"https://...\"]"
                    : known == "cron"   ? "write [[cron]]"
                                        : "write a table: [" + std::string{known} + "]");
  }
  unknown(entry, table, {"name", "entry", "http", "limits", "vms", "outbound", "env", "cron"});
}

Manifest Parser::finish(const ManifestEntry& last) {
  std::uint64_t bytes = 0;
  for (const auto& [name, value] : manifest_.env) bytes += name.size() + value.size();
  const std::uint64_t most = std::min(manifest_.limits.raw(Limit::Env), ceiling_.raw(Limit::Env));
  if (manifest_.env.size() > most)
    report(last, "limit_too_high", "[env] has more than " + std::to_string(most) + " entries",
           "see limits.env");
  const std::uint64_t room =
      std::min(manifest_.limits.raw(Limit::EnvBytes), ceiling_.raw(Limit::EnvBytes));
  if (bytes > room)
    report(last, "limit_too_high", "[env] has more than " + std::to_string(room) + " bytes",
           "see limits.env_bytes");
  return std::move(manifest_);
}

}  // namespace

Manifest parse_manifest(std::span<const ManifestEntry> entries, const Limits& ceiling,
                        std::vector<Diagnostic>& diagnostics) {
  Parser parser{ceiling, diagnostics};
  ManifestEntry environment;
  for (const ManifestEntry& entry : entries) {
    parser.take(entry);
    if (entry.key.substr(0, 4) == "env.") environment = entry;
  }
  return parser.finish(environment);
}

bool is_env_name(std::string_view name) noexcept {
  constexpr std::size_t kLongest = 128;
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && name.size() <= kLongest && letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

}  // namespace perilune::api
