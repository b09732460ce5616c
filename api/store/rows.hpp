#pragma once

/// @file
/// What the store keeps: one plain struct per table that callers see.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/model.hpp"

namespace perilune::api {

/// Limits that an operator set for a tenant; rows that are absent have their usual ceiling.
using LimitOverrides = std::map<Limit, std::uint64_t>;

struct TenantRow {
  std::string slug;
  bool suspended = false;
  bool jit = false;  ///< the `fast` class
  LimitOverrides limits;
  UnixMs created = 0;
  UnixMs updated = 0;
  std::uint64_t revision = 1;  ///< grows with each change; the ETag
};

struct AppRow {
  AppKey key;
  std::string description;
  std::map<std::string, std::string> labels;
  UnixMs created = 0;
  UnixMs updated = 0;
  std::uint64_t revision = 1;
  std::string version;           ///< deployed now; empty: none. Read only
  std::uint64_t generation = 0;  ///< of the current deployment. Read only
};

struct FileInfo {
  std::string path;
  std::string sha256;
  std::uint64_t size = 0;
  friend bool operator==(const FileInfo&, const FileInfo&) = default;
};

struct VersionRow {
  std::string version;       ///< 64 hex digits
  std::uint64_t number = 0;  ///< 1, 2, 3 ... per app, for people
  UnixMs created = 0;
  std::string creator;  ///< token id
  std::string message;
  link::AppStyle style = link::AppStyle::Handler;
  std::uint64_t size = 0;
  std::uint64_t file_count = 0;
  Manifest manifest;
};

struct NewVersion {
  AppKey key;
  std::string version;
  std::vector<BundleFile> files;
  Manifest manifest;
  link::AppStyle style = link::AppStyle::Handler;
  std::string creator;
  std::string message;
  UnixMs at = 0;
  bool create_app = false;  ///< make the app when there is none
  std::size_t keep = 100;   ///< older versions that nothing needs go beyond this many
};

struct PutVersion {
  VersionRow row;
  bool created = false;      ///< false: the app had this content already
  bool app_created = false;  ///< the app is new
};

/// Why a deployment was made. Every change of what runs is one.
enum class DeploymentKind : std::uint8_t { Deploy, Rollback, Env };
enum class DeploymentState : std::uint8_t { Accepted, Ready, Failed };

struct DeploymentRow {
  std::uint64_t generation = 0;  ///< grows over all apps
  DeploymentKind kind = DeploymentKind::Deploy;
  DeploymentState state = DeploymentState::Accepted;
  std::string version;
  std::string previous;  ///< version before it, or empty
  std::string who;       ///< token id
  UnixMs at = 0;
  std::string message;
  std::uint64_t restores = 0;  ///< Rollback: the generation whose version it brings back
};

struct NewDeployment {
  AppKey key;
  DeploymentKind kind = DeploymentKind::Deploy;
  std::string version;
  std::string who;
  std::string message;
  UnixMs at = 0;
  std::uint64_t restores = 0;
  std::optional<std::uint64_t> if_generation;  ///< only when this one is current
};

struct TokenRow {
  std::string id;  ///< tok_...
  std::string name;
  std::vector<std::string> scopes;
  std::string tenant;  ///< empty: all
  std::string app;     ///< empty: all of the tenant
  UnixMs created = 0;
  UnixMs expires = 0;  ///< 0: never
  std::string creator;
};

struct EnvRow {
  std::string name;
  std::string value;
  UnixMs updated = 0;
};

struct EventRow {
  std::int64_t sequence = 0;
  UnixMs time = 0;
  std::string kind;  ///< snake_case: deployed, crash_loop, evicted ...
  std::string version;
  std::string message;
};

struct AuditRow {
  std::int64_t sequence = 0;
  UnixMs time = 0;
  std::string token;
  std::string tenant;
  std::string action;  ///< "POST /v1/tenants/{tenant}/apps/{app}/deployments"
  std::string target;  ///< the path as requested
  unsigned status = 0;
  std::string request_id;
  std::string client;
};

/// The response to a request that had an Idempotency-Key.
struct StoredReply {
  std::string fingerprint;  ///< SHA-256 over the request
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  UnixMs created = 0;
};

/// One line of an app's log, for append_logs.
struct AppLog {
  AppKey key;
  LogEntry entry;
};

struct LogQuery {
  std::optional<std::int64_t> before;  ///< sequences below it (newest first)
  std::optional<std::int64_t> after;   ///< sequences above it
  bool ascending = false;
  link::LogLevel level = link::LogLevel::Debug;  ///< this one and graver
  std::string contains;                          ///< substring of the message
  std::string request_id;
  std::string version;
  UnixMs since = 0;
  UnixMs until = 0;  ///< 0: now
  std::size_t limit = 100;
};

}  // namespace perilune::api
